"""Ratings and what describes users and items: types, files, splits, features."""
