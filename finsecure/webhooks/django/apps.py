"""The configuration of the Django app."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The app with the inbox's table."""

    name: str = "finsecure.webhooks.django"
    label: str = "finsecure_webhooks"
