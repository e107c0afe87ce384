"""Training jobs: what to train, how to run it, and how to search hyper-parameters."""
