"""Where each key and value of a TOML file stands, by line and column, both counted from 1."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import toml_rs

Keys = tuple[str | int, ...]
"""The way to a value: keys of tables, and positions in arrays counted from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column."""

    line: int
    column: int

    def __str__(self) -> str:
        """Write it as editors read it."""
        return f"{self.line}:{self.column}"


_START = Place(1, 1)


class Places:
    """The places of one TOML text."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._keys: dict[Keys, Place] = {}
        self._values: dict[Keys, Place] = {}
        self._read_table((), toml_rs.load_with_metadata(text, toml_version="1.0.0").meta["nodes"])
        self._read_headers()

    def of_key(self, keys: Keys) -> Place:
        """Find where a key is written; where it is not, the table that would hold it."""
        return self._nearest(keys, self._keys)

    def of_value(self, keys: Keys) -> Place:
        """Find where a value is written; where it is not, the table that would hold it."""
        return self._nearest(keys, self._values)

    def _nearest(self, keys: Keys, places: Mapping[Keys, Place]) -> Place:
        if keys in places:
            return places[keys]
        return next((self._values[way] for way in _ways_up(keys) if way in self._values), _START)

    def _read_table(self, way: Keys, table: Mapping[str, Any]) -> None:
        for key, node in table.items():
            if _is_entry(node):
                self._keys[*way, key] = self._place(node, "key")
                self._read_value((*way, key), node)
            else:
                self._read_table((*way, key), node)

    def _read_value(self, way: Keys, node: Mapping[str, Any]) -> None:
        if "value_line" in node:
            self._values[way] = self._place(node, "value")
        else:
            self._values[way] = self._keys[way]
        value = node["value"]
        if isinstance(value, dict):
            self._read_table(way, value)
        elif isinstance(value, list):
            for index, element in enumerate(value):
                self._read_value((*way, index), element)

    def _place(self, node: Mapping[str, Any], part: str) -> Place:
        line, column = _first(node[f"{part}_line"]), _first(node[f"{part}_col"])
        # The parser counts bytes; editors count characters.
        before = self._lines[line - 1].encode()[: column - 1]
        return Place(line, len(before.decode(errors="replace")) + 1)

    def _read_headers(self) -> None:
        """Add the `[table]` lines, of which the parser does not say where they stand."""
        counted: dict[Keys, int] = {}
        for number, line in enumerate(self._lines, start=1):
            names, repeated = _read_header(line)
            if not names:
                continue
            way: Keys = ()
            for name in names[:-1]:
                way = (*way, name)
                if way in counted:
                    way = (*way, counted[way])
            way = (*way, names[-1])
            if repeated:
                counted[way] = counted.get(way, -1) + 1
                way = (*way, counted[way])
            place = Place(number, len(line) - len(line.lstrip()) + 1)
            self._keys.setdefault(way, place)
            self._values.setdefault(way, place)


def _is_entry(node: Mapping[str, Any]) -> bool:
    # A table that has a key of its own named "key_line" holds a mapping there, not a number.
    return isinstance(node.get("key_line"), int)


def _first(number: int | Sequence[int]) -> int:
    return number if isinstance(number, int) else number[0]


def _ways_up(keys: Keys) -> Iterator[Keys]:
    return (keys[:length] for length in range(len(keys) - 1, 0, -1))


def _read_header(line: str) -> tuple[tuple[str, ...], bool]:
    """Read a `[table]` or `[[table]]` line into its names; no names where it is not one."""
    if not line.lstrip().startswith("["):
        return (), False
    try:
        table: Any = toml_rs.loads(line, toml_version="1.0.0")
    except toml_rs.TOMLDecodeError:
        return (), False
    names: list[str] = []
    while isinstance(table, dict) and table:
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names), isinstance(table, list)
