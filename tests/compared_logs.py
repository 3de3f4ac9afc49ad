"""A requester's, a gateway's and two nodes' logs of the same queries, on the disk and signed.

Tests take an entry away or alter it before the logs are written, as a party would that hides it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from landbridge.audit.audit import Report, audit
from landbridge.audit.listed_logs import ListedLog, ListedLogs
from landbridge.audit.look import Terms
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.merkle import leaf_hash, tree_root
from landbridge.log.note import NoteSigner
from landbridge.log.store import LogStore
from landbridge.v1 import log_pb2, query_pb2, reason_pb2, subject_pb2

START = 1_780_000_000_000
REQUESTER = "dd.ed.institutions.example/requester/main"
GATEWAY = "exchange.institutions.example/gateway/main"
FSA = "fsa.ed.institutions.example/node/main"
NCES = "nces.ed.institutions.example/node/main"
ORIGINS = (REQUESTER, GATEWAY, FSA, NCES)
NODES = (FSA, NCES)
LATER = START + 3_600_000

Entries = dict[str, list[log_pb2.LogEntry]]
Keys = Mapping[str, SigningKey]


def agency_of(origin: str) -> str:
    return origin.partition(".institutions.")[0]


def make_keys() -> Keys:
    return {origin: SigningKey.generate(agency_of(origin), KeyUse.LOG) for origin in ORIGINS}


def list_logs(keys: Keys) -> ListedLogs:
    return ListedLogs(
        {origin: ListedLog(agency_of(origin), (key.public,)) for origin, key in keys.items()}
    )


def digest_of(number: int) -> bytes:
    return sha256(b"query" + number.to_bytes(4)).digest()


@dataclass
class History:
    """What honest parties write about queries, one after the other."""

    keys: Keys
    entries: Entries = field(default_factory=lambda: {origin: [] for origin in ORIGINS})

    def ask(self, number: int, nodes: Sequence[str] = NODES) -> None:
        """Have a query asked, answered by nodes, assembled and received."""
        self._write(REQUESTER, log_pb2.ENTRY_KIND_QUERY, number)
        for node in nodes:
            answer = self._write(node, log_pb2.ENTRY_KIND_ANSWER, number)
            answer.step, answer.round = query_pb2.STEP_COLLECT, 1
            answer.accesses.append(access_of(number))
        profile = self._write(GATEWAY, log_pb2.ENTRY_KIND_PROFILE, number)
        for node in nodes:
            listed = profile.accesses.add(agency=agency_of(node))
            listed.MergeFrom(access_of(number))
            profile.heard.append(self.heard(node))
        receipt = self._write(REQUESTER, log_pb2.ENTRY_KIND_RECEIPT, number)
        receipt.accesses.extend(profile.accesses)
        receipt.heard.append(self.heard(GATEWAY))
        receipt.heard.extend(profile.heard)

    def heard(self, origin: str) -> log_pb2.Heard:
        """Write down the newest entry of a log and its head."""
        leaves = [leaf_hash(entry.SerializeToString()) for entry in self.entries[origin]]
        return log_pb2.Heard(
            origin=origin,
            index=len(leaves) - 1,
            leaf_hash=leaves[-1],
            checkpoint=self.sign(origin, len(leaves), tree_root(leaves)),
        )

    def sign(self, origin: str, size: int, root: bytes) -> bytes:
        """Sign a head as its log would, whether it is one of its heads or not."""
        return NoteSigner(origin, self.keys[origin]).sign(Checkpoint(origin, size, root).text())

    def _write(
        self, origin: str, kind: log_pb2.EntryKind.ValueType, number: int
    ) -> log_pb2.LogEntry:
        entry = log_pb2.LogEntry(
            kind=kind,
            logged_at_unix_ms=START + 1000 * number,
            query_digest=digest_of(number),
            requester=agency_of(REQUESTER),
            purpose="oversight",
            case_reference=f"case-{number}",
            subject_kind=subject_pb2.SUBJECT_KIND_LEGAL_ENTITY,
            payload_digest=sha256(b"profile" + number.to_bytes(4)).digest(),
        )
        self.entries[origin].append(entry)
        return entry


def access_of(number: int) -> log_pb2.Access:
    return log_pb2.Access(
        dataset="schools",
        outcome=reason_pb2.REASON_CODE_ANSWERED,
        memorandum="m-1",
        clause="2.1",
        released=["name", "status"],
        refused=["officer"],
        records=1 + number % 2,
    )


def history_of(count: int, keys: Keys) -> History:
    history = History(keys)
    for number in range(count):
        history.ask(number)
    return history


def write_logs(
    folder: Path, keys: Keys, entries: Entries, origins: Sequence[str] = ORIGINS
) -> list[Path]:
    """Write the logs of some parties, each signed by its own key."""
    return [write_log(folder, keys[origin], origin, entries[origin]) for origin in origins]


def write_log(
    folder: Path, key: SigningKey, origin: str, entries: Sequence[log_pb2.LogEntry]
) -> Path:
    place = folder / origin.replace("/", "-")
    place.mkdir(parents=True, exist_ok=True)
    store = LogStore.open(place / "log.sqlite", origin, key)
    try:
        store.append([entry.SerializeToString() for entry in entries])
    finally:
        store.close()
    return place


def compare(
    paths: Sequence[Path],
    keys: Keys,
    *,
    terms: Terms | None = None,
    sleep: Callable[[float], None] = lambda _: None,
) -> Report:
    """Hold logs against one another, an hour after their entries by default."""
    used = terms or Terms(LATER)
    return audit(paths, list_logs(keys), used, clock=lambda: LATER, sleep=sleep)
