"""Measure methods on held-out ratings and compare them."""
