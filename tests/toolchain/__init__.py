"""What gets a machine ready: with the real CLI, real processes and a real engine."""
