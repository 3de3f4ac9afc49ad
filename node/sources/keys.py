"""Keys: how identifiers are found in native columns, and whom a row found so is about.

A row is found by a key that equals an identifier in one of the key's spellings. It is about the
subject if that identifier is the one asked for. A row found by another identifier of the subject
counts only if no more exact key of the row names someone else: a campus that shares an old code
with the subject is not the subject.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from landbridge.errors import LandbridgeError
from landbridge.subject import PLAIN, IdentifierScheme, SubjectId
from node.node_file import KeyTable
from node.sources.lookup import Lookup
from node.sources.native import native_text
from node.sources.parsers import split_cell
from node.sources.tables import Kind

_CACHED: Final = 16_384
_LARGEST: Final = 2**63 - 1
Spelled = tuple[object, str]
"""A native value to search for, and its text."""


class Key:
    """One key of a dataset."""

    def __init__(self, table: KeyTable, scheme: IdentifierScheme, kind: Kind) -> None:
        self.scheme = table.scheme
        self.column = table.column
        self.covers_group = table.covers_group or scheme.group
        self.separator = table.separator
        self._scheme = scheme
        self._spellings = table.spellings
        self._convert = _CONVERT.get(kind, str)
        is_plain = tuple(table.spellings) == (PLAIN,) and self._convert is str
        self.spell: Callable[[str], tuple[Spelled, ...]] = (
            _spell_plainly if is_plain else lru_cache(_CACHED)(self._spell)
        )
        """Writes an identifier in every spelling of the column, from a cache where that costs."""
        self.names_nobody: Callable[[str], bool] = lru_cache(_CACHED)(self._names_nobody)
        """Tells whether a native text holds no identifier at all, from a cache."""

    def items(self, native: object) -> Sequence[str]:
        """Return the native texts of the identifiers in a cell."""
        text = native_text(native)
        if self.separator is not None:
            return split_cell(text, self.separator)
        return (text,)

    def _spell(self, value: str) -> tuple[Spelled, ...]:
        natives = (
            self._convert(self._scheme.spell(value, spelling)) for spelling in self._spellings
        )
        found = dict.fromkeys(native for native in natives if native is not None)
        return tuple((native, native_text(native)) for native in found)

    def _names_nobody(self, text: str) -> bool:
        if not text.strip():
            return True
        try:
            self._scheme.normalise(text)
        except LandbridgeError:
            return True
        return False


def _spell_plainly(value: str) -> tuple[Spelled, ...]:
    return ((value, value),)


def _to_integer(text: str) -> int | None:
    # A larger one is in no column of whole numbers, and drivers refuse to look for it.
    number = int(text) if text.isascii() and text.isdigit() else _LARGEST + 1
    return number if number <= _LARGEST else None


def _to_numeric(text: str) -> int | Decimal | None:
    number = Decimal(text) if text.isascii() and text.isdigit() else None
    return int(number) if number is not None and number <= _LARGEST else number


_CONVERT: Final[dict[Kind, Callable[[str], object]]] = {
    Kind.INTEGER: _to_integer,
    Kind.NUMERIC: _to_numeric,
}


Match = tuple[int, SubjectId, tuple[int, ...]]
"""A key of a row that names one of a lookup's identifiers: which lookup of the batch, by which
identifier, and more exact keys, each of which must name nobody for this match to count."""
Owner = tuple[int, SubjectId, bool]
"""Which lookup a row belongs to, by which identifier, and whether that stands for a group."""


class Search:
    """What a batch of lookups searches for, key by key, in one statement.

    Keys are known by their position in the dataset, the most exact first.
    """

    def __init__(self, keys: Sequence[Key], lookups: Sequence[Lookup]) -> None:
        self._keys = keys
        self._matches: list[dict[str, list[Match]]] = [{} for _ in keys]
        self.natives: dict[int, list[object]] = {}
        """For each key that is searched, the native values to find."""
        self.guards: set[int] = set()
        """Keys that must be read because a match may hang on them."""
        for slot, lookup in enumerate(lookups):
            if lookup.aliases:
                self._add(slot, lookup)
            else:
                # No other key holds back the identifier that was asked for.
                asked = lookup.asked
                for position, key in enumerate(keys):
                    if key.scheme == asked.scheme:
                        self._search(position, key, (slot, asked, ()))

    def _add(self, slot: int, lookup: Lookup) -> None:
        subjects = (lookup.asked, *lookup.aliases)
        known = {subject.scheme for subject in subjects}
        more_exact: tuple[int, ...] = ()
        for position, key in enumerate(self._keys):
            if key.scheme not in known:
                continue
            for subject in subjects:
                if subject.scheme == key.scheme:
                    free = lookup.broad or not more_exact or subject == lookup.asked
                    self._search(position, key, (slot, subject, () if free else more_exact))
            more_exact = (*more_exact, position)

    def _search(self, position: int, key: Key, match: Match) -> None:
        matches = self._matches[position]
        _, subject, guards = match
        if guards:
            self.guards.update(guards)
        for native, text in key.spell(subject.value):
            if text in matches:
                matches[text].append(match)
            else:
                matches[text] = [match]
                self.natives.setdefault(position, []).append(native)

    def owners(
        self, rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[int, int]]
    ) -> list[Sequence[Owner]]:
        """Tell which lookups each row belongs to.

        Args:
            rows: Rows that the statement found.
            columns: Position of each searched key, and position of its column in the rows.
        """
        if len(columns) > 1 or self._keys[columns[0][0]].separator is not None:
            return [list(self._all_matches(row, columns)) for row in rows]
        ((position, at),) = columns
        matches, covers_group = self._matches[position], self._keys[position].covers_group
        owners: list[Sequence[Owner]] = []
        for row in rows:
            native = row[at]
            found = matches.get(native) if type(native) is str else None
            # One key alone has no guards, and one match none to come before it.
            if found is not None and len(found) == 1:
                slot, subject, _ = found[0]
                owners.append(((slot, subject, covers_group),))
            else:
                owners.append(list(self._all_matches(row, columns)))
        return owners

    def _all_matches(
        self, row: tuple[Any, ...], columns: Sequence[tuple[int, int]]
    ) -> Iterator[Owner]:
        found: set[int] = set()
        cells = [(position, self._keys[position].items(row[at])) for position, at in columns]
        for position, items in cells:
            matches = self._matches[position]
            for item in items:
                # A column of fixed width pads what it holds.
                for match in matches.get(item) or matches.get(item.rstrip(" ")) or ():
                    slot, subject, guards = match
                    if slot not in found and (not guards or self._counts(guards, dict(cells))):
                        found.add(slot)
                        yield slot, subject, self._keys[position].covers_group

    def _counts(self, guards: tuple[int, ...], cells: dict[int, Sequence[str]]) -> bool:
        """Tell whether no more exact key of the row names someone else."""
        return all(
            self._keys[guard].names_nobody(item) for guard in guards for item in cells[guard]
        )
