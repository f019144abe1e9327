"""A registry of models with faults."""
