"""Tellers: config entries of the kind `teller`, one per project."""
