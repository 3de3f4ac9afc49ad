"""What parties tell of themselves: which bundle they hold, what they show, what they have tried."""

from typing import Final

from certs.proof import ACKNOWLEDGEMENT_TYPE, check_proof
from certs.registrar.enrolment import check_holder, parse_request
from certs.registrar.issued import mark_erased
from certs.registrar.parties import EnrolledParty, find_party, save_party
from certs.registrar.present import Present
from landbridge.errors import Reason, refuse
from landbridge.v1 import authority_service_pb2

_MOST_TOLD: Final = 100
_LONGEST_TEXT: Final = 300


def take_acknowledgement(
    request: authority_service_pb2.AcknowledgeRequest, present: Present
) -> None:
    """Put down what a party tells; call it within a change of the journal.

    What passes it on could repeat an old one: what is dated before the last one is refused.

    Raises:
        LandbridgeError: LB-1001 when it is malformed; as `check_holder` for its proof; LB-4003 when
            it is dated before an earlier one.
    """
    told = parse_request(authority_service_pb2.Acknowledgement.FromString, request.acknowledgement)
    leaf = check_proof(ACKNOWLEDGEMENT_TYPE, request.acknowledgement, request.proof)
    held = check_holder(leaf, told.federation, told.signed_at_unix_ms, present)
    before = find_party(present.connection, held.identity) or EnrolledParty(held.identity)
    if told.signed_at_unix_ms < before.signed_at:
        raise refuse(
            Reason.STALE_QUERY,
            "the acknowledgement is dated before an earlier one of the same party",
            next_step="acknowledge again, now; if that fails, look at this machine's clock",
        )
    if told.bundle_number > present.bundle.number:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            f"there is no bundle {told.bundle_number}: the newest is {present.bundle.number}",
        )
    for serial in told.erased[:_MOST_TOLD]:
        # What it shows it has not erased, whatever it says.
        if serial != held.serial:
            mark_erased(present.connection, held.identity, serial[:40])
    known = {each.id for each in present.content.authorities}
    proven = {trial.authority: trial.accepted for trial in told.trials[:_MOST_TOLD]}
    kept = [name for name in before.proven if name in known and proven.get(name, True)]
    tried = [name for name, accepted in proven.items() if accepted and name in known]
    failures = [
        f"trial of {trial.authority}: {trial.failure}"
        for trial in told.trials[:_MOST_TOLD]
        if not trial.accepted and trial.authority in known
    ]
    save_party(
        present.connection,
        EnrolledParty(
            identity=held.identity,
            acknowledged=told.bundle_number,
            heard_at=present.now,
            signed_at=told.signed_at_unix_ms,
            issuer=held.issuer,
            serial=held.serial,
            proven=tuple(sorted({*kept, *tried})),
            alarms=tuple(map(_shown, [*told.alarms[:_MOST_TOLD], *failures])),
        ),
    )


def _shown(text: str) -> str:
    """Cut a party's words, and free them of control characters: they end on a terminal."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_TEXT])
