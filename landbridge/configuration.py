"""Reading configuration files: TOML into typed models, every problem with its line and column.

    federation = load(Path("federation.toml"), FederationFile)

What a model cannot see by itself, such as a column that the database lacks, is placed with
`complaint` or `position`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import toml_rs
from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from landbridge.described import DescribedSchema
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.places import Keys, Place, Places
from landbridge.suggestion import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

_SYNTAX = re.compile(r"at line (\d+), column (\d+)")
_QUOTED = re.compile(r"'([^']*)'")
_EXPECTED = {
    "string_type": "a text in quotation marks is expected",
    "int_type": "a whole number is expected",
    "int_parsing": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "list_type": "a list in square brackets is expected",
    "tuple_type": "a list in square brackets is expected",
    "dict_type": "a table is expected",
    "model_type": "a table is expected",
}


def load(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a model.

    Raises:
        LandbridgeError: LB-1101; the message lists every problem on a line of its own, as
            `file:line:column: what`, and what may have been meant.
    """
    text = _read(path)
    table = _parse(path, text)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        places = Places(text)
        found = [_explain(model, detail, places) for detail in error.errors(include_url=False)]
        raise _listed(path, found) from None


def position(path: Path, *keys: str | int) -> str:
    """Write where a value stands, as `file:line:column`; its table where it does not stand at all.

    `position(path, "datasets", 2, "keys", 0, "column")` is in the third dataset.

    Raises:
        LandbridgeError: LB-1101 when the file cannot be read any more.
    """
    text = _read(path)
    _parse(path, text)
    return f"{path}:{Places(text).of_value(keys)}"


def complaint(path: Path, problems: Iterable[tuple[Sequence[str | int], str]]) -> LandbridgeError:
    """Make the error of a file whose form is right and whose content is not.

    Args:
        path: The file.
        problems: What is wrong, each with the keys of the value at fault.
    """
    text = _read(path)
    _parse(path, text)
    places = Places(text)
    return _listed(path, [(places.of_value(tuple(keys)), what) for keys, what in problems])


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """Let a check that raises LandbridgeError stand beside the type of a model's field.

    The field keeps its value; what the check returns is passed over.
    """

    def validate(value: Any) -> Any:  # noqa: ANN401 - a field of any type
        try:
            check(value)
        except LandbridgeError as error:
            hint = f" ({error.next_step})" if error.next_step != _standard_next_step(error) else ""
            raise ValueError(error.message + hint) from None
        return value

    return AfterValidator(validate)


def json_schema(model: type[BaseModel]) -> str:
    """Write the JSON Schema of a model's files, for editors that check TOML while one types."""
    written = model.model_json_schema(schema_generator=DescribedSchema)
    schema = {"$schema": DescribedSchema.schema_dialect} | written
    return json.dumps(schema, indent=2) + "\n"


def _standard_next_step(error: LandbridgeError) -> str:
    return refuse(error.reason, "").next_step


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{path}: the file cannot be read: {error.strerror}",
            next_step="name a file that exists and that this process may read",
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise _listed(path, [(Place(line, column), "this is not UTF-8 text")]) from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        # Version 1.0, so that every other TOML reader takes the same files.
        return toml_rs.loads(text, toml_version="1.0.0")
    except toml_rs.TOMLDecodeError as error:
        written = str(error)
        match = _SYNTAX.search(written)
        place = Place(int(match[1]), int(match[2])) if match else Place(1, 1)
        raise _listed(path, [(place, written.rstrip().rpartition("\n")[2])]) from None


def _listed(path: Path, problems: Iterable[tuple[Place, str]]) -> LandbridgeError:
    lines = [f"{path}:{place}: {what}" for place, what in sorted(problems)]
    return refuse(Reason.INVALID_CONFIGURATION, "\n".join(lines))


def _explain(model: type[BaseModel], detail: ErrorDetails, places: Places) -> tuple[Place, str]:
    keys: Keys = detail["loc"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, keys[:-1])
        return places.of_key(keys), f"unknown key {keys[-1]!r}{did_you_mean(str(keys[-1]), known)}"
    if kind == "missing":
        return places.of_key(keys), f"the key {keys[-1]!r} is missing"
    if keys and keys[-1] == "[key]":
        return places.of_key(keys[:-1]), _wording(detail)
    return places.of_value(keys), _wording(detail)


def _wording(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in {"enum", "literal_error"}:
        known = _QUOTED.findall(context["expected"])
        written = detail["input"]
        return f"{written!r} is not one of {', '.join(known)}{did_you_mean(str(written), known)}"
    if kind == "value_error":
        return str(context["error"])
    return _EXPECTED.get(kind, detail["msg"].replace("Input should", "it should"))


def _keys_at(model: type[BaseModel], keys: Keys) -> list[str]:
    """List the keys that a table may hold, by following the models down to it."""
    kind: Any = model
    for key in keys:
        kind = _model_or_container(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = next(
                (f for name, f in kind.model_fields.items() if key in (f.alias, name)), None
            )
            kind = field.annotation if field else None
        else:
            kind = (get_args(kind) or (None,))[-1 if get_origin(kind) is dict else 0]
    kind = _model_or_container(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _model_or_container(kind: Any) -> Any:  # noqa: ANN401 - annotations have no type of their own
    """See through `Annotated[X, ...]` and `X | None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif type(None) in get_args(kind):
            kind = next(argument for argument in get_args(kind) if argument is not type(None))
        else:
            return kind
