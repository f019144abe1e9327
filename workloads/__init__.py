"""What runs, as plain data: `stack.py` is the one list of it."""
