"""How identifiers are written: tiny text steps, and what a normal form is held against.

| step | does |
|---|---|
| `strip` | removes blanks around the text |
| `unquote` | removes one pair of quotation marks, double or single, around the text |
| `quote` | puts double quotation marks around the text |
| `pad N` | fills with zeros on the left up to N characters; an empty text stays empty |
| `unpad` | removes zeros on the left, but never the last character |
| `first N` | keeps the first N characters |
| `upper`, `lower` | changes the case |
| `drop CHARS` | removes each of these characters, wherever it stands |
"""

import importlib
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean

TextStep = Callable[[str], str]

_LONGEST: Final = 256
_QUOTED: Final = 2
_STDNUM: Final = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?")


def compile_steps(steps: Iterable[str]) -> TextStep:
    """Make one function of a list of steps, first step first.

    Raises:
        LandbridgeError: LB-1101 for a step that does not exist or lacks its argument.
    """
    compiled = tuple(compile_step(step) for step in steps)

    def run(text: str) -> str:
        for step in compiled:
            text = step(text)
        return text

    return run


def compile_step(step: str) -> TextStep:
    """Make a function of one step.

    Raises:
        LandbridgeError: LB-1101 for a step that does not exist or lacks its argument.
    """
    name, _, argument = step.partition(" ")
    if name in _PLAIN_STEPS:
        if argument:
            raise _unfit(f"step {name!r} takes nothing after its name")
        return _PLAIN_STEPS[name]
    if name in _COUNTED_STEPS:
        if not re.fullmatch(r"[1-9][0-9]{0,2}", argument) or int(argument) > _LONGEST:
            raise _unfit(f"step {name!r} takes a number from 1 to {_LONGEST}, as in '{name} 8'")
        return partial(_COUNTED_STEPS[name], int(argument))
    if name == "drop":
        if not argument:
            raise _unfit("step 'drop' takes the characters to remove, as in 'drop -.'")
        return partial(_drop, str.maketrans("", "", argument))
    raise _unfit(f"{step!r} is not a step{did_you_mean(name, STEPS)}")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile the pattern of a normal form, in which `\d` is an ASCII digit.

    Raises:
        LandbridgeError: LB-1101 when it is not a regular expression.
    """
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION, f"{pattern!r} is not a regular expression: {error}"
        ) from None


def find_validator(module: str) -> TextStep:
    """Find the check of a python-stdnum module, such as `us.ein` or `lei`.

    Raises:
        LandbridgeError: LB-1101 when there is no such module.
    """
    validate: TextStep | None = None
    if _STDNUM.fullmatch(module):
        with suppress(ImportError):
            validate = getattr(importlib.import_module(f"stdnum.{module}"), "validate", None)
    if validate is None:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{module!r} is not a number module of python-stdnum",
            next_step="name one of its modules, such as 'us.ein' or 'lei', or leave `stdnum` out",
        )
    return validate


def _unfit(message: str) -> Exception:
    return refuse(
        Reason.INVALID_CONFIGURATION, message, next_step=f"the steps are: {', '.join(STEPS)}"
    )


def _unquote(text: str) -> str:
    if len(text) >= _QUOTED and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _quote(text: str) -> str:
    return f'"{text}"'


def _unpad(text: str) -> str:
    return text.lstrip("0") or text[-1:]


def _pad(width: int, text: str) -> str:
    # An empty cell is not the identifier 0.
    return text.rjust(width, "0") if text else text


def _first(count: int, text: str) -> str:
    return text[:count]


def _drop(table: dict[int, int | None], text: str) -> str:
    return text.translate(table)


_PLAIN_STEPS: Final[dict[str, TextStep]] = {
    "strip": str.strip,
    "unquote": _unquote,
    "quote": _quote,
    "unpad": _unpad,
    "upper": str.upper,
    "lower": str.lower,
}
_COUNTED_STEPS: Final[dict[str, Callable[[int, str], str]]] = {"pad": _pad, "first": _first}
STEPS: Final = (*_PLAIN_STEPS, *_COUNTED_STEPS, "drop")
