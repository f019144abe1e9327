"""The deployed stack, the edge and the API image on a real engine."""
