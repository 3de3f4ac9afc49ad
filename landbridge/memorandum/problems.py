"""What is wrong with a memorandum: all of it at once, each problem with its place."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.places import Keys
from landbridge.suggestion import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

Locate = Callable[[Keys], str]
"""Says where a key or its value stands."""

_QUOTED: Final = re.compile(r"'([^']*)'")
_KEY: Final = "[key]"
"""What pydantic puts behind the way to a key that is wrong itself."""
_MOST: Final = 100
"""Mistakes that are told one by one."""
_LONGEST: Final = 100
"""Letters of a wrong word that a message repeats."""
_EXPECTED: Final = {
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "model_type": "must hold keys and values",
    "dict_type": "must hold keys and values",
    "string_pattern_mismatch": "must be written in lower-case letters, digits, '.', '-' and '_'",
}


def validate(model: type[Model], text: str | bytes, locate: Locate, locate_key: Locate) -> Model:
    """Read JSON text into a model.

    Raises:
        LandbridgeError: LB-4101 that lists every problem with its place.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found = list(_without_echoes(error.errors(include_url=False)))
        raise complain(
            (
                (
                    (locate_key if _is_of_key(details) else locate)(_way(details)),
                    _say(details, model),
                )
                for details in found[:_MOST]
            ),
            further=len(found[_MOST:]),
        ) from None


def complain(problems: Iterable[tuple[str, str]], further: int = 0) -> LandbridgeError:
    """Make one error of several problems, each a place and what is wrong there."""
    found = list(dict.fromkeys(problems))
    if len(found) == 1 and not further:
        return refuse(Reason.MALFORMED_MEMORANDUM, found[0][1], where=found[0][0])
    listed = [f"{place}: {what}" for place, what in found[:_MOST]]
    if further := further + len(found[_MOST:]):
        listed.append(f"and {further} further mistakes")
    return refuse(Reason.MALFORMED_MEMORANDUM, "\n".join(listed))


def shorten(text: str) -> str:
    """Cut what a message repeats, so that nobody can make it longer than anyone reads."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def json_path(way: Keys) -> str:
    """Write the way to a value as people write it: grants[0].fields[2]."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{shorten(step)}" for step in way)
    return path.removeprefix(".")


def _without_echoes(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Leave out that a list is too short where only its wrong entries make it so."""
    above = {details["loc"][:length] for details in errors for length in range(len(details["loc"]))}
    for details in errors:
        if details["type"] != "too_short" or details["loc"] not in above:
            yield details


def _way(details: ErrorDetails) -> Keys:
    if details["loc"][-1:] == (_KEY,):
        return details["loc"][:-1]
    # Rules are read as a whole; where within one the problem is, its reader says.
    return (*details["loc"], *details.get("ctx", {}).get("way", ()))


def _is_of_key(details: ErrorDetails) -> bool:
    return (
        details["type"] == "extra_forbidden"
        or details["loc"][-1:] == (_KEY,)
        or bool(details.get("ctx", {}).get("of_key"))
    )


def _say(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    last = shorten(str(details["loc"][-1])) if details["loc"] else ""
    if kind == "missing":
        return f"the key {last!r} is missing"
    if kind == "extra_forbidden":
        return f"unknown key {last!r}{did_you_mean(last, _known_keys(model, details['loc'][:-1]))}"
    if kind in {"enum", "literal_error"}:
        known = _QUOTED.findall(context["expected"])
        written = shorten(str(details["input"]))
        return f"{written!r} is not one of {', '.join(known)}{did_you_mean(written, known)}"
    return _EXPECTED.get(kind) or _say_size(kind, context) or details["msg"]


def _say_size(kind: str, context: dict[str, Any]) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        least = context["min_length"]
        return (
            f"needs at least {least}"
            if least > 1
            else "must not be empty: an empty list grants nothing"
        )
    if kind in {"too_long", "string_too_long"}:
        return f"is longer than {context['max_length']}"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}"
    return f"must be at most {context['le']}" if kind == "less_than_equal" else ""


def _known_keys(model: type[BaseModel], way: Keys) -> list[str]:
    for step in way:
        annotation = next(
            (
                info.annotation
                for name, info in model.model_fields.items()
                if step in {name, info.alias}
            ),
            None,
        )
        # Positions in lists, and the keys of what authors name themselves, are no fields.
        if annotation is not None:
            model = next(_models_in(annotation))
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
