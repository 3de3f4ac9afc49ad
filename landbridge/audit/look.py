"""One look over several logs: read what is new, settle the heads, judge the queries.

Logs are read in the order in which entries follow from one another, the last first: what a
requester's log names of the gateway's is in the gateway's when that is read, and so on. So logs may
be looked at while their processes write.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landbridge.agency import Role
from landbridge.audit.case import Shown
from landbridge.audit.fact import Fact, unpack_facts
from landbridge.audit.fact_store import FactStore, KnownLog
from landbridge.audit.finding import Finding, Head, Kind
from landbridge.audit.heads import Heads, rewritten
from landbridge.audit.judge import Judge
from landbridge.audit.listed_logs import ListedLogs, role_of
from landbridge.audit.readers import Readers
from landbridge.audit.shown_log import (
    BrokenHistory,
    Party,
    ShownLog,
    read_shown,
    take_up,
    tree_of,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.note import parse_note
from landbridge.log.reading import LogReader, open_reader
from landbridge.log.tables import damaged

MOST_FINDINGS: Final = 10_000
"""Findings that are told one by one; the rest is counted."""
END_OF_TIME: Final = 1 << 63
_ORDER: Final = (Role.REQUESTER, Role.GATEWAY, Role.NODE, Role.AUTHORITY, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Terms:
    """Within which time queries are looked at, and what may be late; Unix milliseconds."""

    now: int
    grace_ms: int = 60_000
    since: int = -END_OF_TIME
    until: int = END_OF_TIME
    heads: Mapping[str, bytes] = field(default_factory=dict)
    """Signed heads, by the names of those who hold them."""

    def is_within(self, facts: Sequence[Fact]) -> bool:
        """Tell whether any entry of a query is of that time: no party dates it out of sight."""
        return any(self.since <= fact.at < self.until for fact in facts)

    def may_still_come(self, finding: Finding) -> bool:
        """Tell whether what is missing may still be on its way."""
        return finding.may_be_late and abs(self.now - finding.at) < self.grace_ms


@dataclass(slots=True)
class Look:
    """What one look has found."""

    logs: list[Party] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    """Findings beyond those that are listed."""
    in_flight: list[Finding] = field(default_factory=list)
    """What is missing and may still come."""
    queries: int = 0
    judged: set[bytes] | None = None
    """The queries that were judged, where not all were."""
    troubles: dict[Path, LandbridgeError] = field(default_factory=dict)
    """Logs that could not be read now, and why."""

    def add(self, finding: Finding, terms: Terms) -> None:
        """Put a finding where it belongs."""
        if terms.may_still_come(finding):
            self.in_flight.append(finding)
        elif len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.more += 1


def take_a_look(
    store: FactStore,
    paths: Sequence[Path],
    listed: ListedLogs,
    terms: Terms,
    *,
    anew: bool = True,
) -> Look:
    """Look at logs; with `anew`, at every query in them, else at what is new or was left open.

    A log that cannot be read, or is not what its head says, is one of the troubles: nothing is said
    of it, and what was looked at without it stays open.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 for one of the heads of `terms`.
    """
    look = Look()
    for holder, data in terms.heads.items():
        head = listed.verify_head(data)
        store.add_head(head, data, holder)
    shown_logs = _show(paths, listed, store, look, terms)
    with Readers.open([shown.new for shown in shown_logs]) as readers:
        for shown in shown_logs:
            with _troubles(shown.path, look, terms):
                known = take_up(shown, readers, store)
                look.logs.append(_party(known, listed))
    heads = Heads(store, listed, look.logs)
    # Whatever time is looked at: what a head proves is no matter of when somebody says it was.
    found = list(heads.findings())
    for finding in found:
        look.add(finding, terms)
    _judge(store, look, terms, Shown(
        look.logs,
        whole=listed.whole({party.origin for party in look.logs}),
        rewritten=rewritten(found),
        accesses_of=store.accesses,
            standing=heads.standing,
    ), anew=anew)  # fmt: skip
    return look


def _opened(paths: Sequence[Path], look: Look) -> list[tuple[Path, LogReader]]:
    """Open the logs in the order in which they are read; of two of one origin the longer first."""
    opened: list[tuple[Path, LogReader]] = []
    for path in paths:
        try:
            opened.append((path, open_reader(path)))
        except LandbridgeError as error:
            look.troubles[path] = error
    return sorted(
        opened,
        key=lambda one: (_ORDER.index(role_of(one[1].origin)), one[1].origin, -one[1].size),
    )


def _show(
    paths: Sequence[Path], listed: ListedLogs, store: FactStore, look: Look, terms: Terms
) -> list[ShownLog]:
    """Take up the heads of the logs in their order, before anything under them is read."""
    found: list[ShownLog] = []
    for path, reader in _opened(paths, look):
        with reader, _troubles(path, look, terms):
            if any(shown.head.origin == reader.origin for shown in found):
                _take_copy(path, reader, listed, store)
            else:
                found.append(read_shown(path, reader, listed, store))
    return found


@contextmanager
def _troubles(path: Path, look: Look, terms: Terms) -> Iterator[None]:
    """Note what is wrong with one log, and go on with the others."""
    try:
        yield
    except LandbridgeError as error:
        error.where = error.where or str(path)
        look.troubles[path] = error
    except BrokenHistory as broken:
        look.add(_broken(broken), terms)
        look.troubles[path] = refuse(Reason.LOG_FORKED, str(broken), where=str(path))


def _party(known: KnownLog, listed: ListedLogs) -> Party:
    return Party(
        known.number,
        known.origin,
        listed.agency(known.origin),
        role_of(known.origin),
        known.tree.size,
    )


def _take_copy(path: Path, reader: LogReader, listed: ListedLogs, store: FactStore) -> None:
    """Hold another copy of a log against the first: its head must be one that the log once had."""
    head = listed.verify_head(reader.checkpoint)
    if tree_of(reader.entries(0, head.size)).root() != head.root:
        raise damaged("the entries are not those under the signed head")
    store.add_head(head, reader.checkpoint, str(path))


def _judge(store: FactStore, look: Look, terms: Terms, shown: Shown, *, anew: bool) -> None:
    rules = Judge(shown)
    is_bounded = terms.since > -END_OF_TIME or terms.until < END_OF_TIME
    left_open, waiting = set[bytes](), set[bytes]()
    judged: set[bytes] | None = None if anew else set()
    for query, packed in store.facts.queries(anew=anew, waiting=not look.troubles):
        facts = unpack_facts(query, packed)
        if judged is not None:
            judged.add(query)
        if is_bounded and not terms.is_within(facts):
            continue
        look.queries += 1
        found = rules.judge(facts)
        for finding in found:
            look.add(finding, terms)
        if found and any(map(terms.may_still_come, found)):
            left_open.add(query)
        elif look.troubles:
            waiting.add(query)
    look.judged = judged
    store.facts.leave_open(left_open, waiting)


def _broken(broken: BrokenHistory) -> Finding:
    before, now = (read_checkpoint(parse_note(data)) for data in (broken.before, broken.now))
    heads = tuple(
        Head(head.size, head.root, what)
        for head, what in ((before, "the head seen before"), (now, "the head that is shown now"))
    )
    return Finding(
        Kind.FORKED,
        now.origin,
        f"{now.origin} is forked or was rewritten: its head over {now.size} entries (root"
        f" {now.root.hex()[:16]}) does not continue the one over {before.size} (root"
        f" {before.root.hex()[:16]}) that it had signed before",
        heads=heads,
        topic="history",
    )
