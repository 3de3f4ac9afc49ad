"""An independent reader of the example's native files: plain CSV, nothing of Landbridge.

It answers which rows of the sixteen files concern an institution, and what a cell holds. Tests hold
profiles and nodes against it.
"""

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.e2e.registers import REGISTERS, Key, Register


@dataclass(frozen=True, order=True)
class NativeRecord:
    """A row that concerns the institution, named as profiles name it."""

    agency: str
    dataset: str
    record: str
    covers_group: bool = field(compare=False, default=False)


class Oracle:
    """The native files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._rows = {register.file: dict(_read(folder, register)) for register in REGISTERS}
        self._index: dict[tuple[str, str], dict[str, list[int]]] = {
            (register.file, key.column): self._find_lines(register, key)
            for register in REGISTERS
            for key in register.keys
        }

    @cached_property
    def unitids(self) -> tuple[str, ...]:
        """Every institution of the IPEDS register, in its order."""
        return tuple(row["UNITID"] for row in self._rows["hd2014.csv"].values())

    def row(self, record: str) -> Mapping[str, str]:
        """The native row that a profile calls `<file>:<line>`, by column."""
        file, _, line = record.rpartition(":")
        return self._rows[file][int(line)]

    def cell(self, record: str, column: str) -> str:
        """The native text of one cell of that row."""
        return self.row(record)[column]

    def linked(self, scheme: str, value: str) -> set[tuple[str, str]]:
        """Identifiers that stand in one row with this one, in a register that links identifiers."""
        found: set[tuple[str, str]] = set()
        for register in REGISTERS:
            for key in register.keys if register.links else ():
                for line in self._lines(register, key, value) if key.scheme == scheme else ():
                    row = self._rows[register.file][line]
                    for other in register.keys:
                        cell = row[other.column]
                        found.update((other.scheme, item) for item in other.read(cell))
        return found - {(scheme, value)}

    def aliases(self, scheme: str, value: str) -> set[tuple[str, str]]:
        """The linked identifiers of other schemes: another UNITID is another campus."""
        return {(other, item) for other, item in self.linked(scheme, value) if other != scheme}

    def records(
        self, scheme: str, value: str, aliases: Collection[tuple[str, str]] | None = None
    ) -> set[NativeRecord]:
        """Every row that concerns the institution, in every file.

        A row concerns it if a key of it is the asked identifier; or if a key is one of the aliases
        and no more exact key of a known scheme names anyone: a row that names another campus by a
        more exact identifier is about that campus. Aliases are by default those that are linked
        directly.
        """
        asked = (scheme, value)
        wanted = {asked, *(self.aliases(scheme, value) if aliases is None else aliases)}
        known = {found for found, _ in wanted}
        return {
            NativeRecord(register.agency, register.dataset, f"{register.file}:{line}", key.base)
            for register in REGISTERS
            for position, key in enumerate(register.keys)
            for identifier in wanted
            if identifier[0] == key.scheme
            for line in self._lines(register, key, identifier[1])
            if identifier == asked or self._names_nobody(register, position, line, known)
        }

    def _names_nobody(
        self, register: Register, position: int, line: int, schemes: Collection[str]
    ) -> bool:
        """Whether every key of these schemes before a position is empty in a row, or no id."""
        row = self._rows[register.file][line]
        return not any(
            key.read(row[key.column]) for key in register.keys[:position] if key.scheme in schemes
        )

    def _find_lines(self, register: Register, key: Key) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for line, row in self._rows[register.file].items():
            for item in dict.fromkeys(key.read(row[key.column])):
                found[item].append(line)
        return found

    def _lines(self, register: Register, key: Key, value: str) -> list[int]:
        wanted = value[:6] if key.base else value
        return self._index[register.file, key.column].get(wanted, [])


def _read(folder: Path, register: Register) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a file's rows with the line on which each begins, counted from 1."""
    with (folder / register.path).open(encoding=register.encoding, newline="") as file:
        for _ in range(register.header_line - 1):
            file.readline()
        rows = csv.reader(file)
        header = next(rows)
        line = register.header_line + rows.line_num
        for cells in rows:
            yield line, dict(zip(header, cells, strict=True))
            line = register.header_line + rows.line_num
