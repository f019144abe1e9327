"""The Docker engine that a stack runs on, reached through its API alone: containers, commands in them, and the steps
that finish a container. It knows nothing of Pulumi."""
