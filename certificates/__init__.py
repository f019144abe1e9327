"""Where the edge's certificate comes from."""
