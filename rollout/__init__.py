"""What happens at deploy time next to the engine, through the Docker API alone. It knows nothing of Pulumi."""
