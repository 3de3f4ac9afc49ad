"""An independent reading of native cells: what a value of a profile has to be.

Nothing of Landbridge is used, so that the two readings can disagree. A field is the table of
node.toml that describes it, as `tomllib` gives it.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Field = Mapping[str, Any]
Canonical = str | int | bool | list["Canonical"] | None

UNREADABLE = "unreadable"
EMPTY = "empty"

_DAY = re.compile(
    r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d\d)(?: (\d{1,2}):(\d\d)(?::(\d\d) (AM|PM))?)?"
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def expected(field: Field, cell: str) -> tuple[Canonical, str]:
    """Read a cell as a field: its canonical value, and "", "empty" or "unreadable"."""
    if _is_empty(field, cell):
        return None, EMPTY
    if "list" not in field:
        value = _READ[field["type"]](field, cell.strip())
        return value, "" if value is not None else UNREADABLE
    items = [item.strip() for item in cell.split(field["list"])]
    return [_READ[field["type"]](field, item) for item in items if item], ""


def _is_empty(field: Field, cell: str) -> bool:
    return cell.strip() in {"", *(sign.strip() for sign in field.get("empties", [""]))}


def _read_text(_field: Field, text: str) -> str:
    return text


def _read_code(field: Field, text: str) -> str | bool | None:
    return {native.strip(): meaning for native, meaning in field["codes"].items()}.get(text)


def _read_integer(_field: Field, text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdecimal() else None


def _read_decimal(_field: Field, text: str) -> str | None:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        return None
    whole, _, rest = text.partition(".")
    rest = rest.rstrip("0")
    return f"{int(whole)}.{rest}" if rest else str(int(whole))


def _read_money(field: Field, text: str) -> str | None:
    match = re.fullmatch(r"\$([\d,]+\.\d\d)", text)
    return f"{Decimal(match[1].replace(',', ''))} {field['currency']}" if match else None


def _read_day(field: Field, text: str) -> str | None:
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    month, day, year = int(match[1]), int(match[2]), int(match[3])
    year += 2000 if len(match[3]) == len("16") else 0
    if not 1 <= month <= len(_MONTH_DAYS) or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return None
    written = f"{year:04}-{month:02}-{day:02}"
    if field["type"] == "date":
        return written
    hour, half = int(match[4]), match[7]
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return f"{written}T{hour:02}:{match[5]}:{match[6] or '00'}"


_IDENTIFIERS: dict[str, tuple[str, int]] = {
    "us-ipeds-unitid": (r"\d{6}|\d{8}|VAONLY\d{3}", 0),
    "us-ope-id": (r"(?!0{6})\d{6}[0-9A-Z]\d", 8),
    "us-va-facility-code": (r"\d\d[0-9A-Z]{2}\d{4}", 0),
    "us-dapip-id": (r"\d{6}", 0),
    # Numbers that begin so are given out by no campus of the tax authority.
    "us-ein": (r"(?!00|07|08|09|17|18|19|28|29|49|69|70|78|79|89|96|97)\d{9}", 9),
}


def _read_identifier(field: Field, text: str) -> str | None:
    pattern, width = _IDENTIFIERS[field["scheme"]]
    value = text.strip('"').upper().zfill(width)
    return value if re.fullmatch(pattern, value) else None


_READ: dict[str, Callable[[Field, str], Canonical]] = {
    "text": _read_text,
    "code": _read_code,
    "boolean": _read_code,
    "integer": _read_integer,
    "decimal": _read_decimal,
    "money": _read_money,
    "date": _read_day,
    "timestamp": _read_day,
    "identifier": _read_identifier,
}
