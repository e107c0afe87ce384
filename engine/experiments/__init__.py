"""Assign users to variants, and judge what they did."""
