"""Consent: what a provider asks for, what the house grants of it, and the signed record of both.

Only `answer` needs HPKE (`cryptography` 50); nothing else here imports it.
"""
