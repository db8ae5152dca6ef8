"""P1 telegrams: from a stream of bytes to whole, checked and plausible telegrams, and from registers to the energy of intervals."""
