"""What is done for each event."""

from finsecure.webhooks import DjangoInbox, Handler, PaymentIntentSucceeded

from .models import Order


def ship(event: PaymentIntentSucceeded) -> None:
    """Runs in a transaction, which commits the parcel together with the fact that this event is done."""
    order, _ = Order.objects.get_or_create(payment=event.data.object.id)
    order.parcels += 1
    order.save()


webhook = Handler(inbox=DjangoInbox())  # the secret is FINSECURE_WEBHOOK_SECRET
webhook.on("payment_intent.succeeded")(ship)

# The same, worked off by Django's tasks after the answer.
queued = Handler(inbox=DjangoInbox())
queued.on("payment_intent.succeeded")(ship)


@queued.defer
def enqueue(message: str) -> None:
    """Hand an event to the backend of TASKS in the settings."""
    from .tasks import work_off

    work_off.enqueue(message)
