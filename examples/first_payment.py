"""Take a first payment.

Start `finsecure sandbox`, copy the lines that it prints into another terminal, then: python examples/first_payment.py
"""

import os

import finsecure  # reads FINSECURE_SECRET_KEY and FINSECURE_BASE_URL from the environment

customer = finsecure.Customer.create(email="customer@example.com", metadata={"signup_source": "website"})

# The browser's part: your page creates the payment method with the publishable key and sends its id to your server. A
# server that receives card numbers itself is in full PCI DSS scope.
with finsecure.Client(os.environ["FINSECURE_PUBLISHABLE_KEY"]) as browser:
    card = browser.payment_methods.create(
        type="card", card={"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    )

intent = finsecure.PaymentIntent.create(amount=2000, currency="usd", customer=customer.id)
try:
    intent = finsecure.PaymentIntent.confirm(intent.id, payment_method=card.id)
except finsecure.CardError as error:
    raise SystemExit(f"Declined: {error.user_action}") from None

print(f"{intent.id} {intent.status}: {finsecure.from_minor_units(2000, 'usd')} USD received")
