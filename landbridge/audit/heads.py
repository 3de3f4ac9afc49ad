"""Heads that others heard, or hold as files, against the logs that are shown.

A head that its log reproduces is settled. For any other its signature decides, and is only then
looked at: a head that the log signed and does not reproduce is the log's own proof against it; one
that it did not sign is a false entry of whoever named it.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final

from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Finding, Head, Kind
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.roots import roots_at
from landbridge.audit.shown_log import Party
from landbridge.errors import LandbridgeError
from landbridge.log.frontier import Frontier

_OPEN: Final = "log = ? AND misfit = 0"
_Row = tuple[int, bytes, int, str, int, bytes]
"""Size, root, number of the log that names it, in which entry, when, and the head itself."""


class Standing(Enum):
    """What a head says of a log that is shown."""

    FITS = auto()
    SIGNED = auto()
    """The log signed it, and shows another history, or an end before it."""
    UNSIGNED = auto()
    """The log does not show it, and never signed it."""


class Heads:
    """The heads of all logs, held against those that are shown."""

    def __init__(self, store: FactStore, listed: ListedLogs, shown: Sequence[Party]) -> None:
        self._store = store
        self._listed = listed
        self._shown = shown
        self._standings: dict[tuple[int, int, bytes], Standing] = {}
        for party in shown:
            _settle(store, party)

    def standing(self, log: int, size: int, start: bytes) -> Standing:
        """Tell how a head stands, by number of the log, size and first bytes of its root."""
        key = log, size, start
        found = self._standings.get(key)
        if found is None:
            rows = self._store.connection.execute(
                "SELECT size, root, teller, place, at, note FROM head WHERE log = ? AND size = ?",
                (log, size),
            ).fetchall()
            fitting = [row for row in rows if row[1].startswith(start)]
            if not fitting:
                found = Standing.FITS
            elif any(self._is_signed(log, row) for row in fitting):
                found = Standing.SIGNED
            else:
                found = Standing.UNSIGNED
            self._standings[key] = found
        return found

    def findings(self) -> Iterator[Finding]:
        """Say which heads do not fit: at most two findings for a log, and one for each false one.

        Of a log that is not shown two heads of one size prove a fork.
        """
        false: dict[tuple[int, int], tuple[_Row, int]] = {}
        for party in self._shown:
            misfits = self._signed(party.number, "misfit = 1 ORDER BY size", false)
            if misfits is not None:
                yield self._forked(party, misfits)
            behind = self._signed(party.number, "misfit = 0 ORDER BY size DESC", false)
            if behind is not None:
                yield _ended(party, behind)
        yield from self._two_roots(false)
        for (log, teller), (row, count) in false.items():
            yield self._false(log, teller, row, count)

    def _is_signed(self, log: int, row: _Row) -> bool:
        try:
            head = self._listed.verify_head(row[5])
        except LandbridgeError:
            return False
        return (head.origin, head.size, head.root) == (self._store.origin(log), row[0], row[1])

    def _signed(
        self, log: int, which: str, false: dict[tuple[int, int], tuple[_Row, int]]
    ) -> _Row | None:
        """Return the first head that the log signed; note those before it that it did not."""
        rows = self._store.connection.execute(
            f"SELECT size, root, teller, place, at, note FROM head WHERE log = ? AND {which}",  # noqa: S608
            (log,),
        ).fetchall()
        for row in rows:
            if self._is_signed(log, row):
                return row  # type: ignore[no-any-return]
            first, count = false.get((log, row[2]), (row, 0))
            false[log, row[2]] = first, count + 1
        return None

    def _forked(self, party: Party, row: _Row) -> Finding:
        size, root, _, place, at, _ = row
        own = _root_at(self._store, party, size)
        return Finding(
            Kind.FORKED,
            party.origin,
            f"{party.origin} is forked or was rewritten: its own signed head over {size} entries,"
            f" which {place} holds, has the root {root.hex()[:16]}; the log that is shown has there"
            f" {own.hex()[:16]}",
            at=at,
            heads=(Head(size, root, place), Head(size, own, "the log that is shown")),
            topic="heads",
        )

    def _two_roots(self, false: dict[tuple[int, int], tuple[_Row, int]]) -> Iterator[Finding]:
        shown = {party.number for party in self._shown}
        run = self._store.connection.execute
        sizes = run(
            "SELECT log, size FROM head GROUP BY log, size HAVING count(DISTINCT root) > 1"
            " ORDER BY log, size"
        ).fetchall()
        told: set[int] = set()
        for log, size in sizes:
            if log in shown or log in told:
                continue
            signed: dict[bytes, _Row] = {}
            for row in run(
                "SELECT size, root, teller, place, at, note FROM head WHERE log = ? AND size = ?",
                (log, size),
            ).fetchall():
                if self._is_signed(log, row):
                    signed.setdefault(row[1], row)
                else:
                    first, count = false.get((log, row[2]), (row, 0))
                    false[log, row[2]] = first, count + 1
            if len(signed) > 1:
                told.add(log)
                yield _fork_unseen(self._store.origin(log), list(signed.values()))

    def _false(self, log: int, teller: int, row: _Row, count: int) -> Finding:
        size, root, _, place, at, _ = row
        origin = self._store.origin(log)
        by = self._store.origin(teller) if teller else place
        more = f", and {count - 1} more such heads" if count > 1 else ""
        return Finding(
            Kind.DIFFERS,
            by,
            f"{by} says what is false of {origin}: {place} names a head of it that it has not"
            f" signed{more}",
            at=at,
            heads=(Head(size, root, place),),
            topic=f"false-{origin}",
        )


def rewritten(findings: Iterable[Finding]) -> frozenset[str]:
    """Name the logs whose entries need not stand where others saw them."""
    return frozenset(finding.by for finding in findings if finding.kind is Kind.FORKED)


def _settle(store: FactStore, party: Party) -> None:
    run = store.connection.execute
    number = party.number
    misfits: list[tuple[int, int, bytes]] = []
    first, last = run(
        f"SELECT min(size), max(size) FROM head WHERE {_OPEN} AND size <= ?",  # noqa: S608
        (number, party.size),
    ).fetchone()
    if first is None:
        return
    for before, leaves in (
        (Frontier(), list[bytes]()),
        *(store.leaves(number, (first, last)) if last else ()),
    ):
        start, end = before.size if leaves else -1, before.size + len(leaves)
        heads = run(
            f"SELECT DISTINCT size, root FROM head WHERE {_OPEN} AND size > ? AND size <= ?"  # noqa: S608
            " ORDER BY size",
            (number, start, end),
        ).fetchall()
        roots = dict(roots_at(before, leaves, dict.fromkeys(size for size, _ in heads)))
        misfits.extend((number, size, root) for size, root in heads if roots[size] != root)
    store.connection.executemany(
        "UPDATE head SET misfit = 1 WHERE log = ? AND size = ? AND root = ?", misfits
    )
    run(f"DELETE FROM head WHERE {_OPEN} AND size <= ?", (number, party.size))  # noqa: S608


def _ended(party: Party, row: _Row) -> Finding:
    size, root, _, place, at, _ = row
    return Finding(
        Kind.HIDDEN,
        party.origin,
        f"{party.origin} hides its end or is an older copy: it ends after {party.size} entries, and"
        f" {place} holds its signed head over {size}",
        at=at,
        heads=(Head(size, root, place),),
        topic="end",
        may_be_late=True,
    )


def _fork_unseen(origin: str, rows: Sequence[_Row]) -> Finding:
    heads = tuple(Head(size, root, place) for size, root, _, place, _, _ in rows[:2])
    said = " and ".join(f"{head.shown_by} the root {head.root.hex()[:16]}" for head in heads)
    return Finding(
        Kind.FORKED,
        origin,
        f"{origin} is forked: of its signed heads over {heads[0].size} entries holds {said}",
        at=rows[0][4],
        heads=heads,
        topic="heads",
    )


def _root_at(store: FactStore, party: Party, size: int) -> bytes:
    for before, leaves in store.leaves(party.number, (size, size)):
        for _, root in roots_at(before, leaves, (size,)):
            return root
    return Frontier().root()
