"""Heads that others heard, or hold as files, against the logs that are shown.

What is heard of a log that is not shown still proves a fork when two hear different roots of it.
"""

from collections.abc import Iterable, Iterator

from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Finding, Head, Kind
from landbridge.audit.roots import roots_at
from landbridge.audit.shown_log import Party
from landbridge.log.frontier import Frontier

_FITS = "log = ? AND misfit = 0"


def check_heads(store: FactStore, shown: Iterable[Party]) -> list[Finding]:
    """Hold the heads that are not settled yet against the leaves of their logs.

    A head that fits is settled and forgotten, one that does not stays as a misfit. One that lies
    behind the end of its log waits, and is told as something that may be late. At most two findings
    a log, however many heads do not fit.
    """
    found: list[Finding] = []
    logs = list(shown)
    for party in logs:
        _settle(store, party)
        found.extend(_misfits(store, party))
        found.extend(_behind_the_end(store, party))
    found.extend(_two_roots(store, {party.number for party in logs}))
    return found


def rewritten(findings: Iterable[Finding]) -> frozenset[str]:
    """Name the logs whose entries need not stand where others saw them."""
    return frozenset(finding.by for finding in findings if finding.kind is Kind.FORKED)


def _settle(store: FactStore, party: Party) -> None:
    run = store.connection.execute
    number = party.number
    misfits: list[tuple[int, int, bytes]] = []
    first, last = run(
        f"SELECT min(size), max(size) FROM head WHERE {_FITS} AND size <= ?",  # noqa: S608
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
            f"SELECT size, root FROM head WHERE {_FITS} AND size > ? AND size <= ? ORDER BY size",  # noqa: S608
            (number, start, end),
        ).fetchall()
        roots = dict(roots_at(before, leaves, dict.fromkeys(size for size, _ in heads)))
        misfits.extend((number, size, root) for size, root in heads if roots[size] != root)
    store.connection.executemany(
        "UPDATE head SET misfit = 1 WHERE log = ? AND size = ? AND root = ?", misfits
    )
    run(f"DELETE FROM head WHERE {_FITS} AND size <= ?", (number, party.size))  # noqa: S608


def _misfits(store: FactStore, party: Party) -> Iterator[Finding]:
    row = store.connection.execute(
        "SELECT size, root, teller, at, count(*) OVER () FROM head"
        " WHERE log = ? AND misfit = 1 ORDER BY size LIMIT 1",
        (party.number,),
    ).fetchone()
    if row is None:
        return
    size, root, teller, at, count = row
    own = _root_at(store, party, size)
    more = f", and {count - 1} more" if count > 1 else ""
    yield Finding(
        Kind.FORKED,
        party.origin,
        f"{party.origin} is forked or was rewritten: {teller} shows its first {size} entries with"
        f" the root {root.hex()[:16]}{more}; the log that is shown has there {own.hex()[:16]}",
        at=at,
        heads=(Head(size, root, teller), Head(size, own, "the log that is shown")),
        topic="heads",
    )


def _behind_the_end(store: FactStore, party: Party) -> Iterator[Finding]:
    row = store.connection.execute(
        f"SELECT size, root, teller, at FROM head WHERE {_FITS} ORDER BY size DESC LIMIT 1",  # noqa: S608
        (party.number,),
    ).fetchone()
    if row is not None:
        size, root, teller, at = row
        yield Finding(
            Kind.HIDDEN,
            party.origin,
            f"{party.origin} hides its end or is an older copy: it ends after {party.size} entries,"
            f" and {teller} shows it with {size}",
            at=at,
            heads=(Head(size, root, teller),),
            topic="end",
            may_be_late=True,
        )


def _two_roots(store: FactStore, shown: set[int]) -> Iterator[Finding]:
    rows = store.connection.execute(
        "SELECT log, size, min(root), max(root), min(at) FROM head GROUP BY log, size"
        " HAVING count(*) > 1 ORDER BY log, size"
    ).fetchall()
    told: set[int] = set()
    for log, size, one, other, at in rows:
        if log in shown or log in told:
            continue
        told.add(log)
        heads = tuple(Head(size, root, _teller(store, log, size, root)) for root in (one, other))
        origin = store.origin(log)
        yield Finding(
            Kind.FORKED,
            origin,
            f"{origin} is forked: of its first {size} entries {heads[0].shown_by} shows the root"
            f" {one.hex()[:16]}, and {heads[1].shown_by} {other.hex()[:16]}",
            at=at,
            heads=heads,
            topic="heads",
        )


def _root_at(store: FactStore, party: Party, size: int) -> bytes:
    for before, leaves in store.leaves(party.number, (size, size)):
        for _, root in roots_at(before, leaves, (size,)):
            return root
    return Frontier().root()


def _teller(store: FactStore, log: int, size: int, root: bytes) -> str:
    row = store.connection.execute(
        "SELECT teller FROM head WHERE log = ? AND size = ? AND root = ?", (log, size, root)
    )
    return str(row.fetchone()[0])
