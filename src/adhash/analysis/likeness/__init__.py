"""Traces like another one: a generator fitted to it, and how far what it makes is from it."""
