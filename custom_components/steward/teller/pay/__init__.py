"""Payback: what is owed for a period is asked for, paid, looked for in the ledger, and spoken of as long as it isn't."""
