"""What a gateway's log entry says of each source: names, counts and its log, never values.

Each part is given as the bytes that stand in the entry. What says the same of every query of a kind
is written once.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import VerifiedEntry
from landbridge.heading import read_heading
from landbridge.v1 import log_pb2, profile_pb2
from landbridge.wire import number_part, part, text_part

# Tags of the LogEntry's fields, and of the Heard's.
_ACCESSES: Final = b"\x72"
_HEARD: Final = b"\xa2\x01"
_ORIGIN: Final = b"\x0a"
_INDEX: Final = b"\x10"
_LEAF_HASH: Final = b"\x1a"
_CHECKPOINT: Final = b"\x22"

_REMEMBERED: Final = 1024
_REMEMBERED_HEADS: Final = 128
_LONGEST_HEADING: Final = 2048
_MOST_REFUSED: Final = 8
"""What is longer is written each time, so that nobody's answers fill the memory."""


def accesses(
    answers: Iterable[VerifiedAnswer], not_answered: Iterable[profile_pb2.Source]
) -> list[bytes]:
    """List what each dataset gave, when resolving as when collecting, or why it gave nothing."""
    written = [
        _write(source.agency, source.dataset, source.outcome, source.memorandum, source.clause)
        for source in not_answered
    ]
    for verified in answers:
        agency, memorandum = verified.agency, _sealed_by(verified)
        for dataset in verified.datasets:
            name, outcome = dataset.name, dataset.outcome
            refused = dataset.refused if dataset.refusals else ()
            write = _write if len(refused) <= _MOST_REFUSED else _write.__wrapped__
            if not dataset.extracts:
                written.append(write(agency, name, outcome, memorandum, refused=refused))
            for extract in dataset.extracts:
                if len(extract.heading) > _LONGEST_HEADING:
                    write = _write.__wrapped__
                written.append(
                    write(
                        agency,
                        name,
                        outcome,
                        extract.memorandum,
                        extract.clause,
                        extract.heading,
                        refused,
                        len(extract.records),
                    )
                )
                refused = ()
    return written


def _sealed_by(verified: VerifiedAnswer) -> str:
    """Name the memorandum of a sealed answer that has one."""
    if not verified.answer.HasField("sealed"):
        return ""
    # Which of several memoranda releases which sealed dataset stands in the node's log alone.
    sealed = verified.answer.sealed.memoranda
    return sealed[0] if len(sealed) == 1 else ""


@lru_cache(_REMEMBERED)
def _write(  # noqa: PLR0913, PLR0917  an access is made of this
    agency: str,
    dataset: str,
    outcome: int,
    memorandum: str = "",
    clause: str = "",
    heading: bytes = b"",
    refused: tuple[str, ...] = (),
    records: int = 0,
) -> bytes:
    access = log_pb2.Access(
        agency=agency,
        dataset=dataset,
        outcome=outcome,  # type: ignore[arg-type]
        memorandum=memorandum,
        clause=clause,
        released=read_heading(heading).fields,
        refused=refused,
        records=records,
    )
    return part(_ACCESSES, access.SerializeToString())


def heard(answers: Iterable[VerifiedAnswer]) -> list[bytes]:
    """List what each node's log showed with its answer, in the order in which they came."""
    return [_write_heard(one.holder) for one in answers if one.holder is not None]


def _write_heard(holder: VerifiedEntry) -> bytes:
    origin, checkpoint = _write_head(holder.origin, holder.checkpoint)
    index, leaf = number_part(_INDEX, holder.index), part(_LEAF_HASH, holder.leaf_hash)
    return part(_HEARD, origin + index + leaf + checkpoint)


@lru_cache(_REMEMBERED_HEADS)
def _write_head(origin: str, checkpoint: bytes) -> tuple[bytes, bytes]:
    """Write what all answers of a batch have in common: what stands before and behind their own."""
    return text_part(_ORIGIN, origin), part(_CHECKPOINT, checkpoint)
