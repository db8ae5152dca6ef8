"""Append-only logs that anybody can check: the tree of RFC 6962 in the formats of C2SP, as bytes and text, without I/O."""
