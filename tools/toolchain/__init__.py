"""What stands in for the parts of Pulumi that a locked-down network cannot download."""
