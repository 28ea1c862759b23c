"""The models."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """An order that a customer has paid."""

    payment: models.CharField[str, str] = models.CharField(max_length=50, unique=True)
    parcels: models.IntegerField[int, int] = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.payment
