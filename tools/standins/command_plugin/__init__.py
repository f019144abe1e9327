"""`pulumi-resource-command`: `command.local.Command` and `command.local.run`."""
