"""The documented test cards, in one table. Reference: API Testing, "Test Card Numbers".

A card acts when a payment is confirmed with it. No other number is accepted anywhere in the sandbox, so that a real
card number cannot be stored by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

SUCCEEDS = "succeeds"
THREE_D_SECURE = "three_d_secure"


@dataclass(frozen=True)
class Decline:
    """How a payment is refused: the `code`, `decline_code` and `message` of the error."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Card:
    """A documented card: `outcome` is `SUCCEEDS`, `THREE_D_SECURE` or a name in `DECLINES`."""

    brand: str
    outcome: str = SUCCEEDS
    funding: str = "credit"


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": Decline("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": Decline("card_declined", "stolen_card", "Your card was declined."),
    "fraudulent": Decline("card_declined", "fraudulent", "Your card was declined."),
    "incorrect_cvc": Decline("card_declined", "incorrect_cvc", "Your card's security code is incorrect."),
    "expired_card": Decline("card_declined", "expired_card", "Your card has expired."),
    "processing_error": Decline(
        "card_declined", "processing_error", "An error occurred while processing your card. Try again in a while."
    ),
    "incorrect_number": Decline("incorrect_number", None, "Your card number is incorrect."),
    # Not a card of the reference: the customer fails, or gives up, 3D Secure.
    "authentication_failed": Decline(
        "card_declined", "authentication_failed", "The customer did not complete 3D Secure authentication."
    ),
}

CARDS = {
    "4242424242424242": Card("visa"),
    "4000056655665556": Card("visa", funding="debit"),
    "5555555555554444": Card("mastercard"),
    "2223003122003222": Card("mastercard"),
    "4000002760003184": Card("visa", THREE_D_SECURE),
    "4000000000000002": Card("visa", "generic_decline"),
    "4000000000009995": Card("visa", "insufficient_funds"),
    "4000000000009987": Card("visa", "lost_card"),
    "4000000000009979": Card("visa", "stolen_card"),
    "4100000000000019": Card("visa", "fraudulent"),
    "4000000000000127": Card("visa", "incorrect_cvc"),
    "4000000000000069": Card("visa", "expired_card"),
    "4000000000000259": Card("visa", "processing_error"),
    "4000000000000341": Card("visa", "incorrect_number"),
}
