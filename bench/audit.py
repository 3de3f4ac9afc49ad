"""`python -m bench audit`: how long one log of a million entries takes to hold against another.

The logs are real: signed, on the disk, one node's and a gateway's that names every entry of the
node. One access is hidden by each, and both must be named.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any, Final

from landbridge.audit.audit import audit
from landbridge.audit.listed_logs import ListedLog, ListedLogs
from landbridge.audit.look import Terms
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.evidence import Evidence
from landbridge.log.merkle import leaf_hash
from landbridge.log.note import NoteSigner
from landbridge.log.store import LogStore
from landbridge.v1 import log_pb2, query_pb2, reason_pb2, subject_pb2

NODE: Final = "fsa.ed.bench.example/node/main"
GATEWAY: Final = "exchange.bench.example/gateway/main"
_START: Final = 1_780_000_000_000
_FIELDS: Final = ("name", "status", "decided_on", "amount")


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much was asked, and how many answers a signed head is over."""

    entries: int = 1_000_000
    batch: int = 64
    seed: int = 1


def measure_audit(traffic: Traffic, say: Callable[[str], None]) -> dict[str, Any]:
    """Make both logs, hold them against one another, and see that what is hidden is named.

    Raises:
        LandbridgeError: LB-4301 when not exactly what is hidden is named.
    """
    keys = {
        origin: SigningKey.generate(origin.partition(".bench.")[0], KeyUse.LOG)
        for origin in (NODE, GATEWAY)
    }
    listed = ListedLogs(
        {origin: ListedLog(key.agency, (key.public,)) for origin, key in keys.items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "node.sqlite", Path(folder) / "gateway.sqlite"]
        say(f"two logs of {traffic.entries} entries")
        started = time.perf_counter()
        hidden = _write(traffic, paths, keys)
        write_s = time.perf_counter() - started
        say("holding them against one another")
        before_mib = _resident_mib()
        started, cpu = time.perf_counter(), _cpu_s()
        terms = Terms(_START + 10 * traffic.entries + 3_600_000)
        report = audit(paths, listed, terms, clock=lambda: terms.now, sleep=time.sleep)
        audit_s, cpu_s = time.perf_counter() - started, _cpu_s() - cpu
    named = {(finding.by, finding.query) for finding in report.findings if finding.query}
    if named != hidden:
        raise refuse(Reason.ACCESS_HIDDEN, f"{len(named)} named, {len(hidden)} were hidden")
    return {
        "entries": [log.size for log in report.logs],
        "queries": report.queries,
        "audit_s": round(audit_s, 2),
        "cpu_s": round(cpu_s, 2),
        "entries_per_s": round(sum(log.size for log in report.logs) / audit_s),
        "peak_mib": round(_resident_mib()),
        "peak_before_mib": round(before_mib),
        "reader_peak_mib": round(getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024),
        "hidden": len(hidden),
        "named": len(named),
        "write_s": round(write_s, 2),
    }


def _write(
    traffic: Traffic, paths: Sequence[Path], keys: dict[str, SigningKey]
) -> set[tuple[str, bytes]]:
    """Write both logs; return the access that each hides, by the log that hides it."""
    random = Random(traffic.seed)
    by_node, by_gateway = random.sample(range(traffic.entries), 2)
    node = LogStore.open(paths[0], NODE, keys[NODE])
    gateway = LogStore.open(paths[1], GATEWAY, keys[GATEWAY])
    hidden: set[tuple[str, bytes]] = set()
    try:
        for start in range(0, traffic.entries, traffic.batch):
            numbers = range(start, min(start + traffic.batch, traffic.entries))
            asked = {number: _query(number, random) for number in numbers}
            answers = {number: _answer(query, random) for number, query in asked.items()}
            lost = answers.pop(by_node, None)
            proven = dict(zip(answers, node.append([*answers.values()]), strict=True))
            if lost is not None:
                proven[by_node] = _forged(lost, node, keys[NODE])
                hidden.add((NODE, asked[by_node].query_digest))
            if by_gateway in asked:
                hidden.add((GATEWAY, asked.pop(by_gateway).query_digest))
            gateway.append([_profile(query, proven[number]) for number, query in asked.items()])
    finally:
        node.close()
        gateway.close()
    return hidden


def _query(number: int, random: Random) -> log_pb2.LogEntry:
    return log_pb2.LogEntry(
        logged_at_unix_ms=_START + 10 * number,
        query_digest=random.randbytes(32),
        requester=f"agency-{number % 20}",
        purpose=("review", "audit", "credit")[number % 3],
        case_reference=f"case-{number}",
        subject_pseudonym=random.randbytes(16),
        pseudonym_period="2026-06",
        subject_kind=subject_pb2.SUBJECT_KIND_LEGAL_ENTITY,
        query_expires_at_unix_ms=_START + 10 * number + 60_000,
    )


def _accesses(agency: str, query: log_pb2.LogEntry) -> Iterator[log_pb2.Access]:
    records = query.query_digest[0] % 4
    for dataset in ("schools", "sanctions"):
        yield log_pb2.Access(
            agency=agency,
            dataset=dataset,
            outcome=reason_pb2.REASON_CODE_ANSWERED,
            memorandum="m-2026-001",
            clause="3.1",
            released=_FIELDS,
            records=records + 1,
            legal_basis="20 U.S.C. 1070 et seq.",
        )


def _answer(query: log_pb2.LogEntry, random: Random) -> bytes:
    entry = log_pb2.LogEntry()
    entry.CopyFrom(query)
    entry.kind = log_pb2.ENTRY_KIND_ANSWER
    entry.step, entry.round = query_pb2.STEP_COLLECT, 1
    entry.payload_digest = random.randbytes(32)
    entry.accesses.extend(_accesses("", query))
    return entry.SerializeToString()


def _profile(query: log_pb2.LogEntry, proof: Evidence) -> bytes:
    entry = log_pb2.LogEntry()
    entry.CopyFrom(query)
    entry.kind = log_pb2.ENTRY_KIND_PROFILE
    entry.payload_digest = sha256(proof.entry).digest()
    entry.accesses.extend(_accesses("fsa.ed", query))
    entry.heard.add(
        origin=NODE,
        index=proof.index,
        leaf_hash=leaf_hash(proof.entry),
        checkpoint=proof.checkpoint,
    )
    return entry.SerializeToString()


def _forged(entry: bytes, node: LogStore, key: SigningKey) -> Evidence:
    """Hand out an entry under a head of another history, as a node would that leaves it out."""
    size = node.size or 1
    head = Checkpoint(NODE, size, leaf_hash(entry))
    return Evidence(entry, size - 1, (), NoteSigner(NODE, key).sign(head.text()))


def _resident_mib() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


def _cpu_s() -> float:
    """Return what this process and its readers, once they have ended, have used."""
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
