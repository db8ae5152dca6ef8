"""Measurements of Steward beside its peers; `script/bench` runs them."""
