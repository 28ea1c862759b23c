"""Webhooks in Flask: each event is handled exactly once, together with what you write to the database.

Install the packages with `pip install 'flask>=3.1' 'finsecure[sqlalchemy]'`. Start `finsecure sandbox`, copy the lines
that it prints into another terminal, run python examples/flask_webhooks.py there, and register the endpoint:

    finsecure.WebhookEndpoint.create(url="http://127.0.0.1:8001/webhooks", enabled_events=["*"])
"""

import os

from flask import Flask, abort, request
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from finsecure.webhooks import Handler, PaymentIntentSucceeded, SQLAlchemyInbox, inbox_table

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///shop.db"))


class Base(DeclarativeBase):
    """Your tables."""


class Order(Base):
    """An order that a customer has paid."""

    __tablename__ = "orders"
    payment: Mapped[str] = mapped_column(primary_key=True)
    parcels: Mapped[int] = mapped_column(default=0)


inbox_table(Base.metadata)  # adds the inbox's table, so that your migrations create it
Base.metadata.create_all(engine)

webhook = Handler(inbox=SQLAlchemyInbox(engine))  # the secret is FINSECURE_WEBHOOK_SECRET


@webhook.on("payment_intent.succeeded")
def ship(event: PaymentIntentSucceeded, session: Session) -> None:
    order = session.get(Order, event.data.object.id) or Order(payment=event.data.object.id, parcels=0)
    order.parcels += 1  # committed together with the mark that this event is done
    session.add(order)


app = Flask(__name__)


@app.post("/webhooks")
def webhooks() -> tuple[str, int]:
    request.max_content_length = 1024 * 1024  # no event is larger; Flask answers 413
    outcome = webhook.handle(request.get_data(), request.headers.get("FinSecure-Signature"))
    return "", outcome.status


@app.get("/orders/<payment>")
def show(payment: str) -> dict[str, int]:
    with Session(engine) as session:
        order = session.get(Order, payment)
        if order is None:
            abort(404)
        return {"parcels": order.parcels}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8001")))  # in production, use gunicorn or another WSGI server
