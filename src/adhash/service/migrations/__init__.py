"""The history of the store's schema, one for SQLite and PostgreSQL; applied at start."""
