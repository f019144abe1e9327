"""Where the edge's certificate comes from."""

LEAF_DAYS = 90
"""The life of a self-signed certificate: the longest that Mozilla's "modern" profile allows."""
