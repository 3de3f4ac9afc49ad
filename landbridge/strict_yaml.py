"""YAML as people mean it: what a reader sees is what is loaded, or the file is refused.

- a scalar is text, unless it is a whole number, `true`, `false` or empty; so that `no`, `00100500`,
  `2026-01-01` and `12.50` stay text;
- anchors, aliases, tags, merge keys, several documents and keys written twice are refused;
- each key and value keeps its place, for messages about it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.places import Keys, Place

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_LARGEST: Final = 2**53 - 1
"""Largest whole number that every reader of JSON agrees on (RFC 8259, section 6)."""
_MISWRITTEN: Final = {"True", "TRUE", "False", "FALSE"}
_EMPTY: Final = {"", "~", "null", "Null", "NULL"}
_MAX_DEPTH: Final = 20
"""Lists and mappings within one another; conditions joined 5 deep in a predicate need 15."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class PlacedDocument:
    """Plain data, with the place of each key and value."""

    file: str
    data: Any = None
    keys: dict[Keys, Place] = field(default_factory=dict)
    values: dict[Keys, Place] = field(default_factory=dict)

    def place_of_key(self, way: Keys) -> str:
        """Write `file:line:column` of a key; where it is not, of what would hold it."""
        found = self.keys.get(way)
        return f"{self.file}:{found}" if found else self.place_of_value(way)

    def place_of_value(self, way: Keys) -> str:
        """Write `file:line:column` of a value; where it is not, of what would hold it."""
        while way and way not in self.values:
            way = way[:-1]
        return f"{self.file}:{self.values.get(way, Place(1, 1))}"


def read_yaml(text: str, file: str) -> PlacedDocument:
    """Read one YAML document.

    Raises:
        LandbridgeError: LB-4101 with file, line and column when it is not YAML, or not strict.
    """
    reader = _Reader(text, file)
    try:
        return reader.read()
    except yaml.MarkedYAMLError as error:
        raise _refuse_at(
            file, error.problem_mark or error.context_mark, f"not YAML: {error.problem}"
        ) from None
    except yaml.YAMLError as error:
        raise refuse(
            Reason.MALFORMED_MEMORANDUM,
            f"not YAML: {str(error).splitlines()[0]}",
            where=f"{file}:1:1",
        ) from None


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._document = PlacedDocument(file)

    def read(self) -> PlacedDocument:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise refuse(
                Reason.MALFORMED_MEMORANDUM, "the file is empty", where=f"{self._file}:1:1"
            )
        self._document.data = self._read_value(next(self._events), ())
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "a second document; write one document a file")
        return self._document

    def _read_value(self, event: Any, way: Keys) -> Any:  # noqa: ANN401 - any plain data
        self._refuse_indirection(event)
        self._document.values[way] = _place(event.start_mark)
        if len(way) > _MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_list(way)
        return self._read_mapping(way)

    def _read_list(self, way: Keys) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._read_value(event, (*way, len(values))))
        return values

    def _read_mapping(self, way: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._refuse_indirection(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(event, "a key must be one word")
            if event.value in values:
                raise self._refuse(event, f"the key {event.value!r} is written twice")
            key_way = (*way, event.value)
            self._document.keys[key_way] = _place(event.start_mark)
            values[event.value] = self._read_value(next(self._events), key_way)
        return values

    def _read_scalar(self, event: yaml.ScalarEvent) -> str | int | bool | None:
        text: str = event.value
        if _SURROGATE.search(text):
            raise self._refuse(event, "half of a character; write the whole character")
        if event.style:
            return text
        if text in _MISWRITTEN:
            raise self._refuse(event, f"write {text.lower()}, or put it in quotes for text")
        if text in {"true", "false"}:
            return text == "true"
        if text in _EMPTY:
            return None
        return self._read_integer(event) if _INTEGER.fullmatch(text) else text

    def _read_integer(self, event: yaml.ScalarEvent) -> int:
        digits: str = event.value.removeprefix("-")
        if len(digits) > len(str(_LARGEST)) or int(digits) > _LARGEST:
            raise self._refuse(event, "too large for a whole number; put it in quotes for text")
        return int(event.value)

    def _refuse_indirection(self, event: Any) -> None:  # noqa: ANN401 - any event
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, f"the alias *{event.anchor}; write the value out")
        if getattr(event, "anchor", None):
            raise self._refuse(event, f"the anchor &{event.anchor}; write the value out each time")
        if getattr(event, "tag", None):
            raise self._refuse(event, f"the tag {event.tag}; write the plain value")

    def _refuse(self, event: Any, what: str) -> LandbridgeError:  # noqa: ANN401 - any event
        return _refuse_at(self._file, event.start_mark, what)


def _place(mark: Any) -> Place:  # noqa: ANN401 - PyYAML's marks have no public type
    return Place(mark.line + 1, mark.column + 1)


def _refuse_at(file: str, mark: Any, what: str) -> LandbridgeError:  # noqa: ANN401
    place = _place(mark) if mark is not None else Place(1, 1)
    return refuse(Reason.MALFORMED_MEMORANDUM, what, where=f"{file}:{place}")
