"""Compiled loops over rows; only training, evaluation and jobs import them."""
