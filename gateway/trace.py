"""What a gateway's log entry says of each source: names, counts and its log, never values.

Each part is given as the bytes that stand in the entry. What says the same of every query of a kind
is written once.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import VerifiedEntry
from landbridge.outline import Outline
from landbridge.v1 import log_pb2, profile_pb2
from landbridge.wire import number_part, part, text_part

# Tags of the LogEntry's fields, and of the Heard's.
_ACCESSES: Final = b"\x72"
_HEARD: Final = b"\xa2\x01"
_ORIGIN: Final = b"\x0a"
_INDEX: Final = b"\x10"
_LEAF_HASH: Final = b"\x1a\x20"
"""With the size that each has."""
_CHECKPOINT: Final = b"\x22"

_REMEMBERED: Final = 1024
_REMEMBERED_HEADS: Final = 128


def accesses(
    answers: Iterable[VerifiedAnswer], not_answered: Iterable[profile_pb2.Source]
) -> list[bytes]:
    """List what each dataset gave, when resolving as when collecting, or why it gave nothing."""
    written = [
        _write(source.agency, source.dataset, source.outcome, source.memorandum, source.clause)
        for source in not_answered
    ]
    for verified in answers:
        outline = verified.read.outline
        written.append((_accesses_of if outline.kept else _accesses_of.__wrapped__)(outline))
    return written


@lru_cache(_REMEMBERED)
def _accesses_of(outline: Outline) -> bytes:
    """Write what each dataset of an answer gave, clause by clause."""
    # Which of several memoranda releases which sealed dataset stands in the node's log alone.
    memorandum = outline.memoranda[0] if len(outline.memoranda) == 1 else ""
    accesses = []
    for dataset in outline.datasets:
        given = [
            log_pb2.Access(
                memorandum=extract.memorandum,
                clause=extract.clause,
                released=extract.says.fields,
                records=extract.records,
            )
            for extract in dataset.extracts
        ] or [log_pb2.Access(memorandum=memorandum)]
        given[0].refused.extend(dataset.refused)
        for access in given:
            access.agency, access.dataset = outline.agency, dataset.name
            access.outcome = dataset.outcome  # type: ignore[assignment]
        accesses += given
    return b"".join([part(_ACCESSES, access.SerializeToString()) for access in accesses])


@lru_cache(_REMEMBERED)
def _write(agency: str, dataset: str, outcome: int, memorandum: str, clause: str) -> bytes:
    """Write that a dataset gave nothing."""
    access = log_pb2.Access(
        agency=agency,
        dataset=dataset,
        outcome=outcome,  # type: ignore[arg-type]
        memorandum=memorandum,
        clause=clause,
    )
    return part(_ACCESSES, access.SerializeToString())


def heard(answers: Iterable[VerifiedAnswer]) -> list[bytes]:
    """List what each node's log showed with its answer, in the order in which they came."""
    return [_write_heard(one.holder) for one in answers if one.holder is not None]


def _write_heard(holder: VerifiedEntry) -> bytes:
    origin, checkpoint = _write_head(holder.origin, holder.checkpoint)
    index = number_part(_INDEX, holder.index)
    return part(_HEARD, origin + index + _LEAF_HASH + holder.leaf_hash + checkpoint)


@lru_cache(_REMEMBERED_HEADS)
def _write_head(origin: str, checkpoint: bytes) -> tuple[bytes, bytes]:
    """Write what all answers of a batch have in common: what stands before and behind their own."""
    return text_part(_ORIGIN, origin), part(_CHECKPOINT, checkpoint)
