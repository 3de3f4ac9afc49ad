"""`python -m bench proof`: proofs and look-ups in a log of ten million entries on the disk.

The log is made as a node makes it, batch by batch: signed, indexed under its subjects, each with a
key a month. What is timed is cold for Python, and as warm for the disk as the machine keeps it.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.merkle import leaf_hash, verify_inclusion
from landbridge.log.note import parse_note
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from landbridge.log.tlog_proof import TlogProof
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, query_pb2, reason_pb2, subject_pb2
from node.accesses import find_accesses

ORIGIN: Final = "fsa.ed.bench.example/node/main"
_START: Final = 1_780_000_000_000
_PER_YEAR_MS: Final = 31_536_000_000
_MS: Final = 1000
_BATCH: Final = 1024
_SAID_EVERY: Final = 1_000_000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the log is, on how many subjects, and how often is measured."""

    entries: int = 10_000_000
    subjects: int = 200_000
    measured: int = 1_000
    seed: int = 1


def measure_proof(size: Size, say: Say, keep: Path | None = None) -> dict[str, Any]:
    """Make the log, or take the one that was kept, then measure; return the document.

    Raises:
        LandbridgeError: LB-5001 when the disk is too small; LB-4301 when an entry is not found.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = keep or Path(work)
        folder.mkdir(parents=True, exist_ok=True)
        key_file = folder / "log.key"
        if not key_file.exists():
            SigningKey.generate("fsa.ed", KeyUse.LOG).save(key_file)
        key = SigningKey.load(key_file)
        path = folder / "log.sqlite"
        with closing(_open(path, key)) as log:
            started = perf_counter()
            new = _fill(log, size, say)
            build_s = perf_counter() - started
        started = perf_counter()
        with closing(_open(path, key)) as log:
            open_s = perf_counter() - started
            found = _measure(log, size)
        return {
            "entries": size.entries,
            "subjects": size.subjects,
            **found,
            "open_s": round(open_s, 2),
            "build_entries_per_s": round(new / build_s) if new else 0,
            "bytes_per_entry": round(path.stat().st_size / size.entries),
            "entry_bytes": len(_entry(0, Random(0), bytes(16)).SerializeToString()),
        }


def _open(path: Path, key: SigningKey) -> LogStore:
    return LogStore.open(path, ORIGIN, key, look_up_key=bytes(range(32)))


def _fill(log: LogStore, size: Size, say: Say) -> int:
    begun = log.size
    random = Random(size.seed + begun)
    for start in range(begun, size.entries, _BATCH):
        numbers = range(start, min(start + _BATCH, size.entries))
        # The year's entries: each month has keys of its own.
        times = [_START + number * _PER_YEAR_MS // size.entries for number in numbers]
        about = [(("us-ope-id", _subject(random.randrange(size.subjects)), at),) for at in times]

        def write(named: list[list[Pseudonym]], times: list[int] = times) -> list[bytes]:
            return [
                _entry(at, random, name.value).SerializeToString()
                for at, (name,) in zip(times, named, strict=True)
            ]

        log.append_about(about, write)
        if start // _SAID_EVERY != (start + _BATCH) // _SAID_EVERY:
            say(f"{log.size} entries")
    return size.entries - begun


def _subject(number: int) -> str:
    return f"{number:08d}"


def _entry(at: int, random: Random, name: bytes) -> log_pb2.LogEntry:
    return log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        logged_at_unix_ms=at,
        query_digest=random.randbytes(32),
        requester="board.ny",
        purpose="institutional-oversight",
        case_reference=f"CASE-{random.randrange(10**6):06d}",
        subject_pseudonym=name,
        pseudonym_period="2026-11",
        subject_kind=subject_pb2.SUBJECT_KIND_LEGAL_ENTITY,
        payload_digest=random.randbytes(32),
        step=query_pb2.STEP_COLLECT,
        round=1,
        query_expires_at_unix_ms=at + 60_000,
        accesses=[
            log_pb2.Access(
                dataset="cash-monitoring",
                outcome=reason_pb2.REASON_CODE_ANSWERED,
                memorandum="oversight-2026",
                clause="1.1",
                released=["name", "status", "decided_on", "amount"],
                records=1,
            )
        ],
    )


def _measure(log: LogStore, size: Size) -> dict[str, Any]:
    random = Random(size.seed)
    head = read_checkpoint(parse_note(log.head()))
    proofs: list[float] = []
    longest = 0
    for index in random.sample(range(head.size), min(size.measured, head.size)):
        started = perf_counter()
        path = log.inclusion_proof(index, head.size)
        proofs.append((perf_counter() - started) * _MS)
        entry = log.entry(index)
        verify_inclusion(leaf_hash(entry), index, head.size, path, head.root)
        longest = max(longest, len(TlogProof(index, path, log.head()).write()))
    looks: list[float] = []
    counts: list[int] = []
    for number in random.sample(range(size.subjects), min(size.measured, size.subjects)):
        subject = SubjectId("us-ope-id", _subject(number))
        started = perf_counter()
        found = find_accesses(log, (subject,), at=_START + 2 * _PER_YEAR_MS)
        looks.append((perf_counter() - started) * _MS)
        counts.append(len(found.entries))
    if not any(counts):
        raise refuse(Reason.ACCESS_HIDDEN, "no entry was found on any subject")
    return {
        **_figures("proof", proofs),
        "proof_bytes": longest,
        **_figures("who_looked", looks),
        "accesses_found": round(median(counts)),
    }


def _figures(name: str, times: Sequence[float]) -> dict[str, float]:
    ascending = sorted(times)
    return {
        f"{name}_p50_ms": round(median(ascending), 3),
        f"{name}_p99_ms": round(ascending[len(ascending) * 99 // 100], 3),
    }
