"""The audit's report for people: one HTML page for each period, with plots, and nothing that is loaded from elsewhere."""
