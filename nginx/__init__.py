"""The edge: templates of its configuration, and which versions of nginx may run it."""
