"""Not the product: machine set-up, stand-in plugins, benchmarks, the audit, and test stacks."""
