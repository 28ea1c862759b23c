"""The function for each event."""

from finsecure.webhooks import DjangoInbox, Handler, PaymentIntentSucceeded

from .models import Order


def ship(event: PaymentIntentSucceeded) -> None:
    """Runs in a transaction, which commits the parcel together with the mark that this event is done."""
    order, _ = Order.objects.get_or_create(payment=event.data.object.id)
    order.parcels += 1
    order.save()


webhook = Handler(inbox=DjangoInbox())  # the secret is FINSECURE_WEBHOOK_SECRET
webhook.on("payment_intent.succeeded")(ship)

# The same, but the endpoint responds first, and Django's tasks handle the event.
queued = Handler(inbox=DjangoInbox())
queued.on("payment_intent.succeeded")(ship)


@queued.defer
def enqueue(message: str) -> None:
    """Pass an event to the task backend in the settings."""
    from .tasks import work_off

    work_off.enqueue(message)
