"""Where the facts of queries are kept while logs are held against one another.

In memory for one comparison, about 0.6 KiB a query; in a file for a monitor.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

Packed = tuple[bytes, bytes]
"""A query's digest, and one or more facts about it."""

FACT_TABLES: Final = """
CREATE TABLE fact (query BLOB NOT NULL, packed BLOB NOT NULL) STRICT;
CREATE TABLE open_query (query BLOB PRIMARY KEY, waits INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE touched (query BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS fact_by_query ON fact (query)"


class KeptFacts(Protocol):
    """Facts by query, and which queries have to be looked at again."""

    def add(self, facts: Sequence[Packed]) -> None:
        """Keep facts; their queries are touched."""

    def queries(self, *, anew: bool, waiting: bool) -> Iterator[Packed]:
        """Give all facts of each query: of every one, or of those touched or left open.

        Those that wait for a log which is away are given only with `waiting`.
        """

    def leave_open(self, queries: Iterable[bytes], waiting: Iterable[bytes]) -> None:
        """Note which of those given are looked at again, and which of them wait for a log."""


class FactsInMemory:
    """For one comparison."""

    def __init__(self) -> None:
        self._facts: dict[bytes, bytes] = {}
        self._again: set[bytes] | None = None
        """Touched or left open; not kept before the first look at all of them is over."""

    def add(self, facts: Sequence[Packed]) -> None:
        """Keep facts."""
        known = self._facts
        for query, packed in facts:
            known[query] = known.get(query, b"") + packed
        if self._again is not None:
            self._again.update(query for query, _ in facts)

    def queries(self, *, anew: bool, waiting: bool) -> Iterator[Packed]:  # noqa: ARG002
        """Give the facts of each query, in the order in which they were met."""
        if anew:
            yield from self._facts.items()
        else:
            yield from [(query, self._facts[query]) for query in self._again or ()]

    def leave_open(self, queries: Iterable[bytes], waiting: Iterable[bytes]) -> None:
        """Note which queries are looked at again."""
        self._again = {*queries, *waiting}


class FactsInFile:
    """For a monitor, in its own file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._gave_waiting = True

    def add(self, facts: Sequence[Packed]) -> None:
        """Keep facts."""
        run = self._connection.executemany
        run("INSERT INTO fact VALUES (?, ?)", facts)
        run("INSERT OR IGNORE INTO touched VALUES (?)", [(query,) for query, _ in facts])

    def queries(self, *, anew: bool, waiting: bool) -> Iterator[Packed]:
        """Give the facts of each query, in the order of their digests."""
        # After the first look, as the index is made faster than it is kept.
        self._connection.execute(_INDEX)
        self._gave_waiting = waiting = anew or waiting
        rows = (
            self._connection.execute("SELECT query, packed FROM fact ORDER BY query, rowid")
            if anew
            else self._connection.execute(
                "SELECT query, packed FROM fact WHERE query IN (SELECT query FROM touched"
                " UNION SELECT query FROM open_query WHERE waits <= ?) ORDER BY query, rowid",
                (waiting,),
            )
        )
        for query, group in groupby(rows, itemgetter(0)):
            yield query, b"".join([packed for _, packed in group])

    def leave_open(self, queries: Iterable[bytes], waiting: Iterable[bytes]) -> None:
        """Note which queries are looked at again."""
        run = self._connection.execute
        run("DELETE FROM touched")
        run("DELETE FROM open_query WHERE waits <= ?", (self._gave_waiting,))
        self._connection.executemany(
            "INSERT OR REPLACE INTO open_query VALUES (?, ?)",
            [*((query, False) for query in queries), *((query, True) for query in waiting)],
        )
