"""An answer taken apart, once for all who work with it: its outline, and what its records hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.outline import Outline, read_outline
from landbridge.v1 import answer_pb2, carried_pb2

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
        LandbridgeError: LB-4007, LB-4009 for a heading that is none.
    """
    answer = carried_pb2.CarriedContents.FromString(payload)
    records: list[Sequence[answer_pb2.Record]] = []
    lists = False
    # Slices of repeated fields take half the time that iterating does.
    for dataset in answer.datasets[:]:
        for extract in dataset.extracts[:]:
            written = extract.records
            held = written[:]
            for position, data in enumerate(held):
                lists = lists or _LIST in data or _LIST_AT_LENGTH in data
                written[position] = b""
            records.append([answer_pb2.Record.FromString(data) for data in held])
    query_digest = answer.query_digest
    # What is left is alike in all answers of a kind.
    answer.query_digest, answer.answered_at_unix_ms = b"", 0
    return ReadAnswer(read_outline(answer.SerializeToString()), query_digest, records, lists)
