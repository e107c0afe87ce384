"""The Cinefold service: a JSON API on PostgreSQL, a training worker, a command line."""
