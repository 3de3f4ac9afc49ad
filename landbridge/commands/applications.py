"""Applications that wait at the authority: found by the fingerprint that the agency reads out."""

from collections.abc import Iterable
from typing import Final

from certs.application import Application, fingerprint
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.v1 import authority_service_pb2

_FEWEST_DIGITS: Final = 32
_DIGITS: Final = frozenset("0123456789abcdef")


def waiting(
    pending: Iterable[authority_service_pb2.PendingAct],
) -> list[tuple[Application, bytes]]:
    """Return the applications among what waits for administrators, with their bytes."""
    found = []
    for act in pending:
        try:
            found.append((Application.read(act.statement), bytes(act.statement)))
        except LandbridgeError:
            continue  # It is an act that misses a signature, and shown as such.
    return found


def find(
    pending: Iterable[authority_service_pb2.PendingAct], agency: str, read_out: str
) -> tuple[Application, bytes]:
    """Find an agency's application by the fingerprint that the agency has read out.

    The first 32 digits are enough; anybody may apply in anybody's name, so fewer are not.

    Raises:
        LandbridgeError: LB-1106 when the fingerprint is too short, or no application has it.
    """
    digits = "".join(read_out.lower().replace(":", " ").split())
    if len(digits) < _FEWEST_DIGITS or not _DIGITS.issuperset(digits):
        raise refuse(
            Reason.USAGE,
            "the fingerprint is not complete",
            where="--fingerprint",
            next_step=f"have the agency read out at least {_FEWEST_DIGITS} digits of it",
        )
    theirs = [each for each in waiting(pending) if each[0].agency == agency]
    for application, document in theirs:
        if fingerprint(document).replace(" ", "").startswith(digits):
            return application, document
    count = f"{len(theirs)} of {agency} wait, none has it" if theirs else f"none of {agency} waits"
    raise refuse(
        Reason.USAGE,
        f"no application has this fingerprint: {count}",
        where="--fingerprint",
        next_step="`landbridge federation show` lists what waits; "
        "if the agency reads out another one, do not accept it",
    )
