"""Where secret values come from: one file for each store, and `fetch`, which asks them all at once.

A store is a function of type `Store` (stores/store.py), named in `stores/fetch.py`. To add one: write its file, name it
there and in `settings/references.py`, and give it settings in `settings/secrets.py` if it needs any.
"""
