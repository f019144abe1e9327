"""An audit of the running edge and of every container, by outside tools and attack suites: `python -m tools.audit`."""
