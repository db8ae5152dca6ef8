"""A simulated house around the real programs: a broker, Home Assistant, and three area nodes."""
