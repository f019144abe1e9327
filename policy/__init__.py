"""A policy pack for any Pulumi program with Docker containers (docs/policy.md). `make preview` runs it."""
