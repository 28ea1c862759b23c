"""The tables."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """What a customer has paid for."""

    payment: models.CharField[str, str] = models.CharField(max_length=50, unique=True)
    parcels: models.IntegerField[int, int] = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.payment
