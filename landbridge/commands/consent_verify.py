"""`landbridge consent verify`: a consent record held against a trust bundle, offline."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.clock import to_iso
from landbridge.commands.consent_file import open_record, read_time, tell
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.consent.revocation import verify_revocation
from landbridge.consent.verification import verify_consent
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.memorandum.words import read_instant

_COMPLETE: Final = 0


def verify(
    file: Path,
    /,
    *,
    bundle: Path | None = None,
    revocation: Annotated[list[Path] | None, Parameter(negative=())] = None,
    at: str = "",
    output: OutputOption = Output.TABLE,
) -> int:
    """Verify who signed a consent record, that it is in its time, and that it is not revoked.

    Args:
        file: The consent record (.jws.json).
        bundle: The federation's trust-bundle.json; without it, the home folder's.
        revocation: A revocation that is at hand, again for each.
        at: When, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4105 malformed; LB-4001 altered; LB-4002 not vouched for by a consent
            desk of the federation; LB-3012 not in its time; LB-3013 revoked.
    """
    trust = open_bundle(bundle or Home.read(find_home()).bundle)
    moment = read_instant(read_time(at, "--at"))
    opened = open_record(file)
    consent = verify_consent(opened.document, trust, moment)
    consent.check_time(moment)
    for path in revocation or ():
        ending = verify_revocation(read_named(path, "revocation"), trust, moment)
        if ending.ends(consent):
            raise refuse(
                Reason.CONSENT_REVOKED,
                f"the consent was revoked by {ending.signer}, as of {to_iso(ending.revoked_at)}",
                where=str(path),
            )
    tell(
        {"record_id": consent.record_id, "desk": consent.desk, "signer": consent.signer},
        output,
        f"{consent.record_id} holds: {consent.desk} vouches for it, until {to_iso(consent.end)}",
    )
    if not revocation:
        talk("whether it is revoked, a node knows: revocations count from when it notices them")
    return _COMPLETE
