"""What the engine keeps, in SQLite. The only place with SQL."""
