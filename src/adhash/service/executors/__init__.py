"""What places attempts on slots. The store, not an executor, is the record of truth."""
