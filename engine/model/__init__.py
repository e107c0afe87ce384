"""A trained model: hyper-parameters, heads, and files on disk."""
