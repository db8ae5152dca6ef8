"""The auditor: checks a teller's log without Home Assistant, without the house and without trusting either."""
