"""An answer taken apart, once for all who work with it: its outline, and what its records hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.outline import Outline, read_outline
from landbridge.outline_fault import MAX_EXTRACTS
from landbridge.v1 import answer_pb2, carried_pb2

MAX_DATASETS: Final = 200
"""As many as a catalogue may name."""
MAX_RECORDS: Final = 50_000
"""Of all datasets together: each takes memory, even if there is nothing in it."""

_LIST: Final = b"\x22"
_LIST_AT_LENGTH: Final = b"\xa2"
"""How the tag of a Value's list begins, written as usual or in more bytes than it takes."""


@dataclass(slots=True)
class ReadAnswer:
    """An answer taken apart."""

    outline: Outline
    query_digest: bytes
    records: Sequence[Sequence[answer_pb2.Record]]
    """Of each extract of the outline."""
    may_hold_lists: bool
    """Whether the tag of a list stands anywhere in its records."""


def read_answer(payload: bytes) -> ReadAnswer:
    """Take an Answer apart.

    Raises:
        DecodeError: when it is none.
        LandbridgeError: LB-4009 when it has more parts than an answer may, LB-4007 and LB-4009 for
            a heading that is none.
    """
    answer = carried_pb2.CarriedContents.FromString(payload)
    _check_count(len(answer.datasets), MAX_DATASETS)
    lists, count = False, 0
    # Slices of repeated fields take half the time that iterating does.
    for dataset in answer.datasets[:]:
        _check_count(len(dataset.extracts), MAX_EXTRACTS)
        for extract in dataset.extracts[:]:
            written = extract.records
            count += len(written)
            _check_count(count, MAX_RECORDS)
            for position, data in enumerate(written[:]):
                lists = lists or _LIST in data or _LIST_AT_LENGTH in data
                written[position] = b""
    # Of the whole, as whoever is shown the profile reads it: a record by itself may nest deeper.
    whole = answer_pb2.Answer.FromString(payload)
    records = [
        extract.records[:] for dataset in whole.datasets[:] for extract in dataset.extracts[:]
    ]
    query_digest = answer.query_digest
    # What is left is alike in all answers of a kind.
    answer.query_digest, answer.answered_at_unix_ms = b"", 0
    return ReadAnswer(read_outline(answer.SerializeToString()), query_digest, records, lists)


def _check_count(count: int, most: int) -> None:
    """Check how many parts there are, before anything is made of each."""
    if count > most:
        raise refuse(Reason.OVERSIZED_ANSWER, f"an answer of more than {most} parts of a kind")
