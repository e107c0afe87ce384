"""What every route rests on: strict requests, identity, problems, security headers."""
