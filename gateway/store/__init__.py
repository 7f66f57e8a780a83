"""The database and the log files: the only place that knows SQL. `session.open_store` and `logs` are the entrances."""
