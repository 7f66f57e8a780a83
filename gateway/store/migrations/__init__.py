"""The history of the schema, for Alembic. `commands` runs it; no ini file is needed."""
