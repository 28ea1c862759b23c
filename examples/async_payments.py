"""Charge many customers at the same time, and add up the payments.

Start `finsecure sandbox`, copy the lines that it prints into another terminal, then: python examples/async_payments.py
"""

import asyncio

import finsecure

# Test cards; the last one has insufficient funds. Never send real card numbers from a server, which would put it in
# full PCI DSS scope: let the browser create the payment method.
CARDS = ["4242424242424242", "5555555555554444", "4000000000009995"]


async def charge(client: finsecure.AsyncClient, order: int) -> int:
    """Take one payment, and return the amount received in cents."""
    card = await client.payment_methods.create(
        type="card", card={"number": CARDS[order % 3], "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    )
    intent = await client.payment_intents.create(amount=1000 + order, currency="usd")
    try:
        intent = await client.payment_intents.confirm(intent.id, payment_method=card.id)
    except finsecure.CardError as error:
        print(f"order {order}: {error.decline_code}. {error.resolution}")
        return 0
    return intent.amount_received or 0


async def main() -> None:
    # All calls share one client, which keeps the connections. Calls that hit the rate limit wait and try again.
    async with finsecure.AsyncClient(max_retries=5) as client:
        received = await asyncio.gather(*(charge(client, order) for order in range(30)))
        listed = [intent async for intent in client.payment_intents.list(limit=100)]
    print(f"{finsecure.from_minor_units(sum(received), 'usd')} USD received, {len(listed)} payments on record")


if __name__ == "__main__":
    asyncio.run(main())
