"""A shop: its settings and its only app."""
