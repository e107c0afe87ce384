"""The base of every route: strict requests, identity, problems, security headers."""
