"""The test cards and bank accounts, in tables. Reference: API Testing, "Test Card Numbers".

A card determines the outcome when a payment is confirmed with it or refunded. The sandbox accepts no other card number
anywhere, so that a real one cannot be stored by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

SUCCEEDS = "succeeds"
THREE_D_SECURE = "three_d_secure"
DECLINED_ONCE = "declined_once"
"""The first payment attempt is declined with `processing_error`, and the next one succeeds."""
SETTLES = "settles"
"""The payment is `processing`, and succeeds later."""
BOUNCES = "bounces"
"""The payment is `processing`, and fails later."""

REFUNDED = "refunded"
"""A refund succeeds at once."""
REFUND_SETTLES = "refund_settles"
"""A refund is `pending`, and succeeds later."""
REFUND_BOUNCES = "refund_bounces"
"""A refund is `pending`, and fails later."""


@dataclass(frozen=True)
class Decline:
    """A decline: the `code`, `decline_code` and `message` of the error."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Card:
    """A test card.

    Attributes:
        brand: The card network, such as `visa`.
        outcome: The outcome of a payment: `SUCCEEDS`, `THREE_D_SECURE`, `DECLINED_ONCE` or a name in `DECLINES`.
        funding: `credit` or `debit`.
        refund: The outcome of a refund: `REFUNDED`, `REFUND_SETTLES` or `REFUND_BOUNCES`.
    """

    brand: str
    outcome: str = SUCCEEDS
    funding: str = "credit"
    refund: str = REFUNDED


@dataclass(frozen=True)
class Account:
    """A bank account.

    Attributes:
        outcome: The outcome of a payment: `SETTLES` or `BOUNCES`.
        refund: The outcome of a refund: `REFUND_SETTLES` or `REFUND_BOUNCES`.
    """

    outcome: str = SETTLES
    refund: str = REFUND_SETTLES


DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": Decline("card_declined", "insufficient_funds", "Your card was declined."),
    "lost_card": Decline("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": Decline("card_declined", "stolen_card", "Your card was declined."),
    "fraudulent": Decline("card_declined", "fraudulent", "Your card was declined."),
    "incorrect_cvc": Decline("card_declined", "incorrect_cvc", "Your card's security code is incorrect."),
    "expired_card": Decline("card_declined", "expired_card", "Your card has expired."),
    "processing_error": Decline(
        "card_declined", "processing_error", "An error occurred while processing your card. Try again in a while."
    ),
    "incorrect_number": Decline("incorrect_number", None, "Your card number is incorrect."),
    # Not a card of the reference: the customer fails or abandons 3D Secure.
    "authentication_failed": Decline(
        "card_declined", "authentication_failed", "The customer did not complete 3D Secure authentication."
    ),
    # Not a card, but a bank payment that fails after it was `processing`.
    BOUNCES: Decline("bank_account_declined", "insufficient_funds", "The bank account has insufficient funds."),
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

OWN_CARDS = {
    "4000000000000267": Card("visa", DECLINED_ONCE),
    "4000000000007726": Card("visa", refund=REFUND_SETTLES),
    "4000000000005126": Card("visa", refund=REFUND_BOUNCES),
}
"""The sandbox's own cards, for outcomes that the reference has no card for."""

ACCOUNTS = {
    "000222222227": Account(BOUNCES),
    "000333333335": Account(refund=REFUND_BOUNCES),
}
"""The account numbers with a special outcome. Any other number has the default outcome."""
