"""Measures what a flip costs the requests in flight: this project and the usual ways, in one run on one machine."""
