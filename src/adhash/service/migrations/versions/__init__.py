"""One module a migration, each named by its revision; what was released is never changed."""
