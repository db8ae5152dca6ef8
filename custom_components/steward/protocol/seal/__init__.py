"""Sealing: epochs of a channel's encrypted log, and their keys wrapped for those who may read.

`wrap` and `grant_file` need HPKE, which `cryptography` has from 50 on; nothing else here imports them.
"""
