"""Money: to and from the smallest currency unit. Reference: Consistency Standards, Currency Handling.

The API counts in the smallest unit of a currency: cents, pence, and for currencies that have none (yen, won), the unit
itself. Floats are refused, since 19.99 is not a number that a float can hold.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

from .error import InvalidRequestError

# ISO 4217: the digits after the decimal point, where they are not two.
_DIGITS = {
    **dict.fromkeys(
        ("bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "pyg", "rwf", "ugx", "uyi", "vnd", "vuv", "xaf", "xof")
        + ("xpf",),
        0,
    ),
    **dict.fromkeys(("bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"), 3),
    **dict.fromkeys(("clf", "uyw"), 4),
}


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
    given: object = amount
    if isinstance(given, float):
        raise _wrong("amount", f"amount is a float ({given!r}), which cannot hold a price: pass Decimal('{given}').")
    if isinstance(given, bool) or not isinstance(given, (Decimal, int, str)):
        raise _wrong("amount", f"amount is a {type(given).__name__}: pass a Decimal, an int or text like '19.99'.")
    try:
        with localcontext() as context:
            context.prec = 60
            number = Decimal(given)
            scaled = number.scaleb(digits)
            whole = scaled.to_integral_value()
    except (InvalidOperation, ValueError):
        raise _wrong("amount", "amount is no number: pass a Decimal, an int or text like '19.99'.") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 30:
        raise _wrong("amount", "amount is not a finite price: pass a Decimal such as Decimal('19.99').")
    if whole != scaled:
        raise _wrong(
            "amount",
            f"amount {number} has more than the {digits} decimal places that {currency.lower()} has: round it first.",
        )
    return int(whole)


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
    given: object = amount
    if isinstance(given, bool) or not isinstance(given, int):
        raise _wrong("amount", f"amount is a {type(given).__name__}: pass an int, in the smallest currency unit.")
    sign = 1 if given < 0 else 0
    return Decimal((sign, tuple(int(digit) for digit in str(abs(given))), -digits))


def minor_digits(currency: str) -> int:
    """How many decimal places a currency has: 2 for `usd`, 0 for `jpy`, 3 for `kwd`. By ISO 4217."""
    given: object = currency
    if not isinstance(given, str) or len(given) != 3 or not (given.isascii() and given.isalpha()):
        raise _wrong("currency", "currency is not a three-letter ISO code: pass one such as 'usd'.")
    return _DIGITS.get(given.lower(), 2)


def _wrong(param: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(why, type="invalid_request_error", param=param)
