"""Money: to and from the smallest unit, exactly. Reference: Consistency Standards, Currency Handling."""

from __future__ import annotations

import decimal
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import finsecure
from finsecure import InvalidRequestError, from_minor_units, to_minor_units
from finsecure.money import minor_digits


class Price(str, Enum):
    """A price as a program's constant."""

    TICKET = "19.99"


class Int64:
    """An integer that is no `int`, as numpy has them."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


class Float64(float):
    """A float with a `repr` of its own, as numpy has them."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


# ISO 4217, list one (the currencies that have minor units, as of 2025), and what is lately withdrawn but still met.
ISO_4217 = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT "
    "MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU "
    "UZS VED VES WST XCD YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
CURRENCIES = [(code, digits) for digits, codes in ISO_4217.items() for code in codes.split()]

EXACT: list[tuple[Any, str, int]] = [
    (Decimal("19.99"), "usd", 1999),
    ("19.99", "usd", 1999),
    (20, "usd", 2000),
    (Decimal("19.9"), "EUR", 1990),
    (Decimal("0.01"), "gbp", 1),
    (Decimal("1.10"), "usd", 110),
    ("1.1000", "usd", 110),
    ("0.00", "usd", 0),
    (500, "jpy", 500),
    (Decimal(500), "KRW", 500),
    (Decimal("500.00"), "jpy", 500),
    ("1.234", "kwd", 1234),
    (Decimal(1), "bhd", 1000),
    ("1.2345", "clf", 12345),
    ("-5", "usd", -500),
    (Decimal("-0.01"), "usd", -1),
    (Decimal("1E+3"), "usd", 100_000),
    ("1." + "0" * 100, "usd", 100),
    ("0e999999999", "usd", 0),
    (10**29, "usd", 10**31),
    (Int64(20), "usd", 2000),
    (Price.TICKET, "usd", 1999),
    (" 19.99\n", "usd", 1999),
]

BACK: list[tuple[Any, str, str]] = [
    (1999, "usd", "19.99"),
    (1990, "EUR", "19.90"),
    (1, "gbp", "0.01"),
    (0, "usd", "0.00"),
    (500, "jpy", "500"),
    (1234, "kwd", "1.234"),
    (1, "bhd", "0.001"),
    (12345, "clf", "1.2345"),
    (-1, "usd", "-0.01"),
    (Int64(1999), "usd", "19.99"),
    (10**29, "usd", "1" + "0" * 27 + ".00"),
]

REFUSED: list[tuple[Any, str, str, str]] = [
    (19.99, "usd", "amount", r"a float \(19\.99\).*pass Decimal\('19\.99'\)"),
    (5.0, "usd", "amount", "a float"),
    (float("nan"), "usd", "amount", "a float"),
    (True, "usd", "amount", "a bool"),
    (None, "usd", "amount", "a NoneType"),
    (b"5", "usd", "amount", "a bytes"),
    ([5], "usd", "amount", "a list"),
    ("", "usd", "amount", "not a number"),
    ("five", "usd", "amount", "not a number"),
    ("19,99", "usd", "amount", "amount has a comma"),
    ("-19,99", "usd", "amount", "amount has a comma"),
    ("19,99 €", "usd", "amount", "amount has a comma"),
    ("$19.99", "usd", "amount", "not a number"),
    ("19.99 USD", "usd", "amount", "not a number"),
    ("1_0", "usd", "amount", "not a number: write it with the digits 0 to 9"),
    ("１９.９９", "usd", "amount", "not a number: write it with the digits 0 to 9"),  # noqa: RUF001 - full-width digits
    (Fraction(1, 2), "usd", "amount", "a Fraction"),
    (Float64(19.99), "usd", "amount", r"a float \(19\.99\).*pass Decimal\('19\.99'\)"),
    ("nan", "usd", "amount", "not a finite price"),
    (Decimal("sNaN"), "usd", "amount", "not a finite price"),
    ("Infinity", "usd", "amount", "not a finite price"),
    (Decimal("-Infinity"), "usd", "amount", "not a finite price"),
    (10**30, "usd", "amount", "not a finite price"),
    (-(10**30), "usd", "amount", "not a finite price"),
    (10**5000, "usd", "amount", "not a finite price"),
    ("9" * 5000, "usd", "amount", "not a finite price"),
    ("1e999999999", "usd", "amount", "not a finite price"),
    ("1.005", "usd", "amount", "more than the 2 decimal places that usd has"),
    (Decimal("0.5"), "JPY", "amount", "more than the 0 decimal places that jpy has"),
    ("1.2345", "kwd", "amount", "more than the 3 decimal places"),
    ("1.00001", "clf", "amount", "more than the 4 decimal places"),
    ("1e-999999999", "usd", "amount", "more than the 2 decimal places"),
    ("0.1" + "0" * 100 + "1", "usd", "amount", "more than the 2 decimal places"),
    ("5", "us", "currency", "three-letter ISO code"),
    ("5", "usdd", "currency", "three-letter ISO code"),
    ("5", "", "currency", "three-letter ISO code"),
    ("5", "u$d", "currency", "three-letter ISO code"),
    ("5", "840", "currency", "three-letter ISO code"),
    ("5", "éur", "currency", "three-letter ISO code"),
    ("5", None, "currency", "three-letter ISO code"),  # type: ignore[list-item]
]

REFUSED_BACK: list[tuple[Any, str, str, str]] = [
    (19.99, "usd", "amount", "a float"),
    (Decimal(5), "usd", "amount", "a Decimal"),
    ("5", "usd", "amount", "a str"),
    (True, "usd", "amount", "a bool"),
    (10**5000, "usd", "amount", "too large"),
    (5, "dollars", "currency", "three-letter ISO code"),
]


@pytest.mark.parametrize(("code", "digits"), CURRENCIES, ids=[code for code, _ in CURRENCIES])
def test_every_currency_has_the_digits_of_iso_4217(code: str, digits: int) -> None:
    """Each currency of ISO 4217 has its own number of decimal places, in upper and in lower case."""
    assert minor_digits(code) == minor_digits(code.lower()) == digits
    assert to_minor_units(1, code) == 10**digits


def test_an_unknown_currency_has_two_digits() -> None:
    """A code that is not known has two decimal places, as most have; whether it exists the API decides."""
    assert to_minor_units("1.23", "xyz") == 123


@pytest.mark.parametrize(("amount", "currency", "minor"), EXACT, ids=lambda value: str(value)[:20])
def test_a_price_becomes_minor_units_exactly(amount: Any, currency: str, minor: int) -> None:
    """A price as Decimal, int or text is the exact number of minor units, whatever its currency's digits."""
    found = to_minor_units(amount, currency)
    assert found == minor
    assert type(found) is int


@pytest.mark.parametrize(("minor", "currency", "price"), BACK, ids=lambda value: str(value)[:20])
def test_minor_units_become_a_price_with_all_its_places(minor: int, currency: str, price: str) -> None:
    """Minor units become a Decimal that prints as people write a price, trailing zeros included."""
    assert str(from_minor_units(minor, currency)) == price


@pytest.mark.parametrize(("amount", "currency", "param", "why"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_exact_price_is_refused(amount: Any, currency: str, param: str, why: str) -> None:
    """Floats, junk, and amounts with more digits than the currency has are refused: nothing is rounded in silence."""
    with pytest.raises(InvalidRequestError, match=why) as caught:
        to_minor_units(amount, currency)
    assert caught.value.param == param


@pytest.mark.parametrize(("amount", "currency", "param", "why"), REFUSED_BACK, ids=range(len(REFUSED_BACK)))
def test_what_is_no_amount_of_minor_units_is_refused(amount: Any, currency: str, param: str, why: str) -> None:
    """Only an int is an amount of minor units."""
    with pytest.raises(InvalidRequestError, match=why) as caught:
        from_minor_units(amount, currency)
    assert caught.value.param == param


codes = st.sampled_from([code for code, _ in CURRENCIES])


@settings(deadline=None)
@given(minor=st.integers(min_value=-(10**25), max_value=10**25), currency=codes)
def test_there_and_back_is_the_same_amount(minor: int, currency: str) -> None:
    """Any amount of minor units, made a price and back, by way of text too, is itself."""
    price = from_minor_units(minor, currency)
    assert to_minor_units(price, currency) == to_minor_units(str(price), currency) == minor
    assert max(0, -int(price.as_tuple().exponent)) == minor_digits(currency)


@settings(deadline=None)
@given(
    amount=st.one_of(st.decimals(), st.text(), st.integers(), st.floats(), st.none()),
    currency=st.one_of(codes, st.text()),
)
def test_anything_is_an_exact_amount_or_an_error_of_ours(amount: Any, currency: str) -> None:
    """Whatever is passed, the answer is exact or an InvalidRequestError, never a foreign exception."""
    try:
        minor = to_minor_units(amount, currency)
    except InvalidRequestError:
        return
    assert Decimal(minor).scaleb(-minor_digits(currency), decimal.Context(prec=100)) == Decimal(amount)


def test_the_callers_decimal_context_changes_nothing() -> None:
    """A coarse or strict decimal context of the caller's neither rounds a price nor makes it fail."""
    strict = decimal.Context(prec=2, traps=[decimal.Inexact, decimal.Rounded, decimal.FloatOperation])
    with decimal.localcontext(strict):
        assert to_minor_units("123456.78", "usd") == 12_345_678
        assert str(from_minor_units(12_345_678, "usd")) == "123456.78"
        with pytest.raises(InvalidRequestError, match="decimal places"):
            to_minor_units("123456.789", "usd")


def test_money_is_found_at_both_its_names() -> None:
    """`finsecure.to_minor_units` and `finsecure.money.to_minor_units` are one function."""
    assert finsecure.to_minor_units is finsecure.money.to_minor_units
    assert finsecure.from_minor_units is finsecure.money.from_minor_units
