"""Webhooks."""
from ._signature import sign as sign
