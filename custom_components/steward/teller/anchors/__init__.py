"""Anchors: places outside the house that a checkpoint is published to, so that what was committed has a date that the house can't choose."""
