"""Renders the text of files that services read, from settings and workloads."""
