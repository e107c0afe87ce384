"""Every SQL statement of the service; nothing here commits."""
