"""Pebble, a certificate authority that speaks ACME, beside a stack."""
