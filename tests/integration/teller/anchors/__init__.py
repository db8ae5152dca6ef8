"""The teller's anchors, against servers that check what real ones check."""
