"""Releases under load, and what may go wrong meanwhile."""
