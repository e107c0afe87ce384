"""Train the heads of a model from ratings."""
