"""An audit of the running edge and of every container, by outside tools and by attack suites: `python -m security`."""
