"""Converts prices to and from the smallest currency unit. Reference: Consistency Standards, Currency Handling.

API amounts are in the smallest unit of a currency: cents, pence, or for currencies without decimals (yen, won) the unit
itself. Floats are refused, since a float cannot hold 19.99 exactly.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from typing import cast

from ._currencies import DIGITS
from ._params import TOO_LARGE, as_int, as_str, type_of, with_comma, wrong

__all__ = ["from_minor_units", "minor_digits", "to_minor_units"]


def __dir__() -> list[str]:
    return __all__


# Exact, whatever decimal context the caller uses.
_EXACT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact])


def to_minor_units(amount: Decimal | int | str, currency: str) -> int:
    """Convert a price to the smallest currency unit, which the API calls `amount`.

    Args:
        amount: The price: a `Decimal`, an `int`, or text such as `"19.99"`. Never a float.
        currency: Three-letter ISO 4217 code, for example `usd`.

    Returns:
        The amount in the smallest currency unit. It is never rounded.

    Raises:
        finsecure.InvalidRequestError: `amount` is a float, not a number, or has more decimal places than the currency.

    Example:
        >>> from decimal import Decimal
        >>> to_minor_units(Decimal("19.99"), "usd"), to_minor_units(500, "jpy")
        (1999, 500)

    Reference: Consistency Standards, Currency Handling.
    """
    digits = minor_digits(currency)
    number = _number(amount)
    try:
        scaled = number.scaleb(digits, _EXACT)
    except Inexact:
        scaled = None
    if scaled is None or scaled != scaled.to_integral_value(context=_EXACT):
        raise wrong(
            "amount",
            f"amount {number} has more than the {digits} decimal places that {_code(currency)} has: round it first.",
        )
    return int(scaled)


def from_minor_units(amount: int, currency: str) -> Decimal:
    """Convert an `amount` of the API to a price.

    Args:
        amount: In the smallest currency unit.
        currency: Three-letter ISO 4217 code, for example `usd`.

    Returns:
        The price, with all decimal places of the currency.

    Raises:
        finsecure.InvalidRequestError: `amount` is not an int, or `currency` is not a three-letter code.

    Example:
        >>> str(from_minor_units(1999, "usd")), str(from_minor_units(500, "jpy"))
        ('19.99', '500')

    Reference: Consistency Standards, Currency Handling.
    """
    digits = minor_digits(currency)
    return Decimal(_int(amount)).scaleb(-digits, _EXACT)


def minor_digits(currency: str) -> int:
    """Return the number of decimal places of a currency.

    Args:
        currency: Three-letter ISO 4217 code.

    Returns:
        For example 2 for `usd`, 0 for `jpy` and 3 for `kwd`. Unknown currencies have 2.

    Raises:
        finsecure.InvalidRequestError: `currency` is not a three-letter code.

    Reference: Consistency Standards, Currency Handling.
    """
    return DIGITS.get(_code(currency), 2)


def _number(amount: object) -> Decimal:
    if isinstance(amount, float):
        shown = float.__repr__(amount)
        raise wrong("amount", f"amount is a float ({shown}), which cannot hold a price: pass Decimal('{shown}').")
    integer, text = as_int(amount), as_str(amount)
    if integer is None and text is None and not isinstance(amount, Decimal):
        raise wrong("amount", f"amount is {type_of(amount)}: pass a Decimal, an int or text like '19.99'.")
    if text is not None and (point := with_comma(text)):
        raise wrong(
            "amount",
            f"amount has a comma ({text!r}): write it with a decimal point, and without thousands separators, for "
            f"example {point!r}.",
        )
    if text is not None and "," in text:
        raise wrong("amount", "amount has a comma: write it with a decimal point, like '19.99'.")
    if text is not None and (not text.isascii() or "_" in text):  # Decimal would accept these
        raise wrong("amount", "amount is not a number: write it with the digits 0 to 9 and a point, like '19.99'.")
    try:
        number = Decimal(integer if integer is not None else cast("Decimal | str", amount if text is None else text))
    except (InvalidOperation, ValueError):
        raise wrong("amount", "amount is not a number: pass a Decimal, an int or text like '19.99'.") from None
    if not number.is_finite() or number.copy_abs() >= TOO_LARGE:
        raise wrong("amount", "amount is not a finite price: pass a Decimal such as Decimal('19.99').")
    return number


def _int(amount: object) -> int:
    integer = as_int(amount)
    if integer is None:
        raise wrong("amount", f"amount is {type_of(amount)}: pass an int, in the smallest currency unit.")
    if abs(integer) >= TOO_LARGE:
        raise wrong("amount", "amount is too large: pass an int of at most 30 digits.")
    return integer


def _code(currency: object) -> str:
    code = as_str(currency)
    if code is None or len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise wrong("currency", "currency is not a three-letter ISO code: pass one such as 'usd'.")
    return code.lower()
