"""Small real programs, recorded to make the bundled sample traces."""
