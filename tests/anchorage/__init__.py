"""Places that a checkpoint is anchored at, as they behave outside: a Stellar network, a Kubo node, a time stamping authority."""
