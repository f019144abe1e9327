"""Texts made from settings and workloads: the files that services read."""
