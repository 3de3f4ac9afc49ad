"""The form of statements: RFC 8785 JSON of known keys, read in exactly one writing."""

import json
from typing import Any, Final, Self, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.problems import json_path

Model = TypeVar("Model", bound=BaseModel)

_MOST_TOLD: Final = 5


class What(str):
    """What kind of statement it is, for readers, and for which reason one is refused that is none.

    It is the text itself, so that it serves as the place of an error.
    """

    __slots__ = ("next_step", "reason")
    reason: Reason
    next_step: str

    def __new__(cls, name: str, reason: Reason, next_step: str) -> Self:
        """Name a kind of statement."""
        what = super().__new__(cls, name)
        what.reason = reason
        what.next_step = next_step
        return what


class Part(BaseModel):
    """A part of a statement."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )


def write_payload(document: BaseModel) -> bytes:
    """Write the bytes that are signed: RFC 8785, without keys that have their default."""
    return rfc8785.dumps(document.model_dump(mode="json", exclude_defaults=True))


def read_payload(model: type[Model], payload: bytes, what: What) -> Model:
    """Read the one writing of a document; what it holds is in no message, as it is on a person.

    Raises:
        LandbridgeError: the kind's own, with the place of what is wrong.
    """
    try:
        document = model.model_validate_json(payload)
        canonical = write_payload(document)
    except ValidationError as error:
        raise _tell(error, what) from None
    except rfc8785.CanonicalizationError:
        canonical = b""
    if canonical != payload:
        # Keys written twice or a default written out would let two readers read two documents.
        raise malformed(what, "its payload is not in canonical form")
    return document


def make_payload(model: type[Model], fields: dict[str, Any], what: What) -> bytes:
    """Write the payload of a new document, if its parts have their form.

    Raises:
        LandbridgeError: the kind's own, with the place of what is wrong.
    """
    try:
        return write_payload(model.model_validate_json(json.dumps(fields)))
    except ValidationError as error:
        raise _tell(error, what) from None


def malformed(what: What, why: str) -> LandbridgeError:
    """Make the error for a document that does not have its form."""
    return refuse(what.reason, why, where=what, next_step=what.next_step)


def _tell(error: ValidationError, what: What) -> LandbridgeError:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return malformed(what, "; ".join(map(_say, problems[:_MOST_TOLD])))


def _say(problem: ErrorDetails) -> str:
    way, why = problem["loc"], problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        # A key that nobody knows may be anything, the person's name too.
        way, why = way[:-1], "holds a key that is not known"
    place = json_path(way)
    return f"{place}: {why}" if place else why
