"""What crosses the house's wires: typed messages, their codecs and validators. Pure Python, no I/O, no Home Assistant."""
