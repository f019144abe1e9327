"""The benchmark as it is run."""
