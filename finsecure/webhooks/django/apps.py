"""How Django calls the app."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The app of the inbox's table."""

    name = "finsecure.webhooks.django"
    label = "finsecure_webhooks"
    verbose_name = "FinSecure webhooks"
    default_auto_field = "django.db.models.BigAutoField"
