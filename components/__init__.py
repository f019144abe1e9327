"""Pulumi component resources: one a file, each made of a workload and what it needs around it."""
