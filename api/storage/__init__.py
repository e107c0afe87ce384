"""The database: connections, the embedded server, backups."""
