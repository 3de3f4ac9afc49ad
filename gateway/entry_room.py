"""How much of a gateway's log entry one answer may take, and the gap that a larger one leaves."""

from collections.abc import Iterator
from typing import Final

from gateway.trace import accesses, heard
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import Reason, refuse
from landbridge.log.evidence import MAX_ENTRY_BYTES
from landbridge.v1 import profile_pb2

ROOM: Final = MAX_ENTRY_BYTES - 2048
"""What an entry may take, so that the requester's, which says the same and more, fits too."""
_MOST_OF_RESOLVING: Final = 4096
"""What one answer to resolving may take: it gives identifiers, and stays in whatever comes."""
_LONGEST_OF_RESOLVING: Final = 1 << 20
"""It goes to other nodes as a proof, several in one message of bounded size."""


def bytes_of(answer: VerifiedAnswer) -> int:
    """Return what an answer takes of an entry."""
    return sum(map(len, (*accesses((answer,), ()), *heard((answer,)))))


def check_room(answer: VerifiedAnswer) -> VerifiedAnswer:
    """Check that an answer to resolving does not take the room of others, in entry or question.

    Raises:
        LandbridgeError: LB-4009 when it does.
    """
    if not answer.collected and (
        len(answer.data) > _LONGEST_OF_RESOLVING or bytes_of(answer) > _MOST_OF_RESOLVING
    ):
        raise refuse(Reason.OVERSIZED_ANSWER, f"{answer.agency} names too much")
    return answer


def too_large(answer: VerifiedAnswer) -> Iterator[profile_pb2.Source]:
    """Tell that an answer was left out, as the entry has no room for it."""
    for dataset in answer.read.outline.datasets:
        yield profile_pb2.Source(
            agency=answer.agency,
            dataset=dataset.name,
            outcome=Reason.OVERSIZED_ANSWER.value,  # type: ignore[arg-type]
            detail="the answer names more than one entry of the gateway's log holds",
        )
