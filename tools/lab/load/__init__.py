"""The strict load client: a Go program, and what runs it."""
