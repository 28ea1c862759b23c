"""A shop: its settings, and the one app of it."""
