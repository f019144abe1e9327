"""Not the product: what gets a machine ready, stands in for plugins, measures, audits and tries."""
