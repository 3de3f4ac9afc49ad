"""Numbers and amounts of money as registers write them: thousands commas, signs, brackets."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?P<rest>\.[0-9]*)?"
    r"(?P<power>[eE][+-]?[0-9]{1,2})?"
)
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1
_SIGNS: Final = {
    "USD": ("US$", "$"),
    "CAD": ("CA$", "$"),
    "AUD": ("A$", "$"),
    "EUR": ("€",),
    "GBP": ("£",),
    "JPY": ("¥",),
    "CNY": ("¥",),
    "INR": ("₹",),
}
_MINOR_DIGITS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0
    ),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217: digits after the point, where they are not two."""


_CANONICAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]|-?[1-9][0-9]*|0")


def read_integer(text: str) -> int | None:
    """Read a whole number of 64 bits, thousands commas allowed; None where it is not one."""
    number = read_decimal(text)
    if number is None or not _SMALLEST <= number <= _LARGEST:
        return None
    whole = int(number)
    return whole if whole == number else None


def read_decimal(text: str) -> Decimal | None:
    """Read a decimal number, with or without thousands commas; None where it is not one."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match["whole"] is None and match["rest"] in (None, ".")):
        return None
    return Decimal(text.replace(",", ""))


def write_decimal(number: Decimal) -> str:
    """Write a number in its one canonical way: no exponent, no needless zeros, no minus zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def canonical_decimal(text: str) -> str | None:
    """Return the canonical writing of a decimal number; None where a text is not one."""
    if _CANONICAL.fullmatch(text):
        return text
    number = read_decimal(text)
    return None if number is None else write_decimal(number)


def compile_money(currency: str) -> Callable[[str], str | None]:
    """Make the reader of amounts in a currency: `$40,770.00` becomes `40770.00 USD`.

    The currency's code or sign may stand before or after; brackets mean below zero. An amount with
    any other sign is not read.
    """
    signs = (currency, *_SIGNS.get(currency, ()))
    digits = _MINOR_DIGITS.get(currency, 2)
    plain = _usual_amount(signs, digits).fullmatch

    def read_money(text: str) -> str | None:
        amount = text.strip()
        if usual := plain(amount):
            return f"{usual[1].replace(',', '')}{usual[2]} {currency}"
        owed = amount.startswith("(") and amount.endswith(")")
        if owed:
            amount = amount[1:-1].strip()
        minus = amount.startswith("-")
        if minus:
            amount = amount[1:].lstrip()
        amount = _without_sign(amount, signs)
        number = read_decimal(amount)
        if number is None or (minus and owed) or (minus and amount[:1] in "+-"):
            return None
        return f"{_write_amount(-number if minus or owed else number, digits)} {currency}"

    return read_money


def plain_amount(currency: str) -> Callable[[str], object]:
    """Make the test for amounts that are canonical but for the currency that goes behind them."""
    digits = _MINOR_DIGITS.get(currency, 2)
    minor = rf"\.[0-9]{{{digits}}}" if digits else ""
    return re.compile(rf"(?:0|[1-9][0-9]*){minor}").fullmatch


def _usual_amount(signs: tuple[str, ...], digits: int) -> re.Pattern[str]:
    """Return the pattern of amounts that need no arithmetic: a whole part and all minor digits."""
    minor = rf"\.[0-9]{{{digits}}}" if digits else ""
    before = "|".join(map(re.escape, signs))
    return re.compile(rf"(?:{before})?(0|[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+|[1-9][0-9]*)({minor})")


def _without_sign(amount: str, signs: tuple[str, ...]) -> str:
    for sign in signs:
        if amount.startswith(sign):
            return amount[len(sign) :].lstrip()
        if amount.endswith(sign):
            return amount[: -len(sign)].rstrip()
    return amount


def _write_amount(number: Decimal, digits: int) -> str:
    whole, _, rest = write_decimal(number).partition(".")
    rest = rest.ljust(digits, "0")
    return f"{whole}.{rest}" if rest else whole
