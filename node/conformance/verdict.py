"""What a check of the kit comes to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


class Verdict(StrEnum):
    """Whether a node conforms in one respect."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"


class NonconformityError(Exception):
    """The node did something else than it must; the text says what was seen."""


class NotApplicableError(Exception):
    """The node's data give nothing to try this on; the text says what is wanting."""


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One respect in which a node is tried; `run` returns what was seen where all is well."""

    name: str
    about: str
    run: Callable[[Subject], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check. Nothing in it says what any record holds."""

    name: str
    about: str
    verdict: Verdict
    seen: str


def demand(condition: object, what: str) -> None:
    """Go on only if a condition holds.

    Raises:
        NonconformityError: when it does not.
    """
    if not condition:
        raise NonconformityError(what)
