"""Append-only logs on disk, for every kind of entry that keeps one: storage, generations, serving, witnesses."""
