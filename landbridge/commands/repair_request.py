"""`landbridge repair request`: the subject of a record has made good what it tells of."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.case_line import Subject, open_case, tell_opened
from landbridge.commands.output import Output, OutputOption
from landbridge.commands.record_place import Named
from landbridge.federation import Federation
from landbridge.rights.opening import Complaint
from landbridge.rights.steps import CaseKind

_COMPLETE: Final = 0


def request(  # noqa: PLR0913  one parameter an option
    record: str = "",
    subject: str = "",
    /,
    *,
    statement: str,
    profile: Annotated[Path | None, Parameter(name="--from")] = None,
    about: str = "",
    desk: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Ask that a record be repaired: given no more, as what it tells of is made good.

    Args:
        record: AGENCY/DATASET/RECORD, as profiles show the three; with --from, the record alone,
            or nothing where the profile holds one of the dataset.
        subject: By which identifier the record is on the subject: scheme, colon, identifier; with
            --from, the profile says it.
        statement: How it was made good: at most 1,000 characters of plain text, that name no
            others and no addresses. Every reader of the record sees it.
        profile: A saved profile that shows the record.
        about: With --from: AGENCY/DATASET, or AGENCY/DATASET:FIELD,FIELD.
        desk: The desk that signs; with --key, the party over whose line it goes.
        key: The subject's own private key (PEM, Ed25519 or P-256).
        binding: What `landbridge consent bind` wrote for that key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge dispute open`.
    """
    named = Named(record, subject, profile, about)

    def write(federation: Federation) -> Complaint:
        place = named.find(federation)
        return Complaint(
            kind=CaseKind.REPAIR,
            agency=place.agency,
            dataset=place.dataset,
            record=place.record,
            subject=place.subject,
            statement=statement,
        )

    who = Subject(subject, desk, key, binding, home)
    tell_opened(open_case(who, write), who, output)
    return _COMPLETE
