"""What JSON Schema cannot say: `openapi.json` says it in words."""

BEYOND = {
    ("payment_methods.create", "card"),  # required by `type`, and one of the test cards
    ("payment_methods.create", "us_bank_account"),
    ("payment_methods.create", "type"),
    ("payment_intents.confirm", "payment_method"),  # the same, and accepted by the PaymentIntent
    ("payment_intents.confirm", "return_url"),  # required by some cards
    ("customers.create", "payment_method"),  # the same as `invoice_settings.default_payment_method`
    ("customers.update", "payment_method"),
    ("refunds.create", "amount"),  # not more than was paid
    ("webhook_endpoints.create", "url"),  # HTTPS, or this machine
    ("webhook_endpoints.update", "url"),
}
"""The parameters that another one, or the object, rules as well: operation and parameter."""


def is_ruled(operation: str, param: str) -> bool:
    """Whether more than its own schema decides about a parameter, or about a member of it."""
    return any(f"{param}.".startswith(f"{name}.") for each, name in BEYOND if each == operation)


SEMANTIC_CODES = {"resource_missing", "unexpected_state"}
"""The codes of what is refused for the state of things and not for the request's shape."""
