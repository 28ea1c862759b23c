"""Money: to and from the smallest currency unit. Reference: Consistency Standards, Currency Handling.

The API counts in the smallest unit of a currency: cents, pence, and for currencies that have none (yen, won), the unit
itself. Floats are refused, since 19.99 is not a number that a float can hold.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation

from ._currencies import DIGITS
from .error import InvalidRequestError

_TOO_LARGE = 10**30

# No digit is dropped, whatever decimal context the caller works in.
_EXACT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])


def to_minor_units(amount: Decimal | int | str, currency: str) -> int:
    """What the API calls `amount`, from a price as people write it.

    Args:
        amount: The price: a `Decimal`, an `int`, or text such as `"19.99"`. Never a float.
        currency: Three-letter ISO 4217 code.

    Returns:
        The amount in the smallest currency unit, exactly.

    Raises:
        finsecure.InvalidRequestError: A float, no number, or more digits than the currency has.

    Example:
        >>> from decimal import Decimal
        >>> to_minor_units(Decimal("19.99"), "usd"), to_minor_units(500, "jpy"), to_minor_units("1.234", "kwd")
        (1999, 500, 1234)

    Reference: Consistency Standards, Currency Handling.
    """
    digits = minor_digits(currency)
    number = _number(amount)
    try:
        scaled = number.scaleb(digits, _EXACT)
    except Inexact:
        scaled = None
    if scaled is None or scaled != scaled.to_integral_value(context=_EXACT):
        raise _wrong(
            "amount",
            f"amount {number} has more than the {digits} decimal places that {currency.lower()} has: round it first.",
        )
    return int(scaled)


def from_minor_units(amount: int, currency: str) -> Decimal:
    """A price as people write it, from the API's `amount`.

    Args:
        amount: In the smallest currency unit.
        currency: Three-letter ISO 4217 code.

    Returns:
        The price, with all the decimal places that the currency has.

    Raises:
        finsecure.InvalidRequestError: The amount is no int, or the currency no code.

    Example:
        >>> str(from_minor_units(1999, "usd")), str(from_minor_units(500, "jpy"))
        ('19.99', '500')

    Reference: Consistency Standards, Currency Handling.
    """
    digits = minor_digits(currency)
    return Decimal(_int(amount)).scaleb(-digits, _EXACT)


def minor_digits(currency: str) -> int:
    """How many decimal places a currency has: 2 for `usd`, 0 for `jpy`, 3 for `kwd`. An unknown one has 2."""
    return DIGITS.get(_code(currency), 2)


def _number(amount: object) -> Decimal:
    if isinstance(amount, float):
        raise _wrong("amount", f"amount is a float ({amount!r}), which cannot hold a price: pass Decimal('{amount}').")
    if isinstance(amount, bool) or not isinstance(amount, (Decimal, int, str)):
        raise _wrong("amount", f"amount is a {type(amount).__name__}: pass a Decimal, an int or text like '19.99'.")
    try:
        number = Decimal(amount)
    except (InvalidOperation, ValueError):
        raise _wrong("amount", "amount is no number: pass a Decimal, an int or text like '19.99'.") from None
    if not number.is_finite() or number.copy_abs() >= _TOO_LARGE:
        raise _wrong("amount", "amount is not a finite price: pass a Decimal such as Decimal('19.99').")
    return number


def _int(amount: object) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise _wrong("amount", f"amount is a {type(amount).__name__}: pass an int, in the smallest currency unit.")
    if abs(amount) >= _TOO_LARGE:
        raise _wrong("amount", "amount is too large to be money.")
    return amount


def _code(currency: object) -> str:
    if not isinstance(currency, str) or len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise _wrong("currency", "currency is not a three-letter ISO code: pass one such as 'usd'.")
    return currency.lower()


def _wrong(param: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(why, type="invalid_request_error", param=param)
