"""Run with `python manage.py test`. Deliver events as FinSecure does, without a network."""

import os

from django.test import Client, TransactionTestCase

from finsecure.sandbox import Sandbox
from finsecure.webhooks import sign

from .models import Order


class WebhookTests(TransactionTestCase):
    """A TransactionTestCase, because the inbox manages its own transactions."""

    def test_an_event_that_is_delivered_twice_ships_one_parcel(self) -> None:
        """All deliveries after the first are duplicates."""
        with Sandbox() as sandbox:
            sandbox.trigger("payment_intent.succeeded")
            body = sandbox.client().events.list(type="payment_intent.succeeded").data[0].to_json()
        for url in ("/webhooks", "/webhooks/async", "/webhooks/queued"):
            headers = {"FinSecure-Signature": sign(body, os.environ["FINSECURE_WEBHOOK_SECRET"])}
            response = Client(enforce_csrf_checks=True).post(url, body, "application/json", headers=headers)
            self.assertEqual(response.status_code, 200)
        self.assertEqual([order.parcels for order in Order.objects.all()], [1])
