"""The small backend behind the edge: a Go program that does as it is told, and its images."""
