"""Fold a user in, rank, explain, and choose questions; no compiler needed."""
