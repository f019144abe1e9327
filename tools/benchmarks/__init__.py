"""What a flip costs the requests that are under way: this project beside the usual ways, in one run on one machine."""
