"""Options that the commands share, and how they are read."""

from enum import StrEnum
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from landbridge.errors import Reason, refuse

SUBJECTS: Final = 2_000
"""Records in each agency's database, where it is no option."""


class Output(StrEnum):
    """In which form a result is printed."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, Parameter(name=["--output", "-o"])]
Positive = Annotated[int, Parameter(validator=Number(gt=0))]
Count = Annotated[int, Parameter(validator=Number(gte=0))]
Seconds = Annotated[float, Parameter(validator=Number(gt=0))]


def read_in_flight(text: str) -> tuple[int, ...]:
    """Read numbers joined by commas.

    Raises:
        LandbridgeError: LB-1106 when one is not a positive number.
    """
    return _read_numbers(text, "how many queries are in flight", "--in-flight")


def read_rates(text: str) -> tuple[int, ...]:
    """Read arrivals a second, joined by commas; nothing is none.

    Raises:
        LandbridgeError: LB-1106 when one is not a positive number.
    """
    return _read_numbers(text, "how many queries arrive in a second", "--rate") if text else ()


def _read_numbers(text: str, meaning: str, option: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() and int(word) for word in words):
        raise refuse(
            Reason.USAGE,
            f"{text!r} does not say {meaning}",
            where=option,
            next_step="write it like 1,16,64",
        )
    return tuple(dict.fromkeys(int(word) for word in words))
