"""`landbridge repair request`: the subject of a record has made good what it tells of."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.case_line import Place, Subject, open_case, tell_case
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.federation import Federation
from landbridge.rights.opening import Complaint
from landbridge.rights.steps import CaseKind

_COMPLETE: Final = 0


def request(  # noqa: PLR0913  one parameter an option
    record: str,
    subject: str,
    /,
    *,
    statement: str,
    desk: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Ask that a record be repaired: given no more, as what it tells of is made good.

    Args:
        record: AGENCY/DATASET/RECORD, as profiles show the three.
        subject: By which identifier the record is on the subject: scheme, colon, identifier.
        statement: How it was made good: at most 1,000 characters of plain text, that name no
            others and no addresses. Every reader of the record sees it.
        desk: The desk that signs; with --key, the party over whose line it goes.
        key: The subject's own private key (PEM, Ed25519 or P-256).
        binding: What `landbridge consent bind` wrote for that key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge dispute open`.
    """

    def write(federation: Federation) -> Complaint:
        place = Place.parse(record)
        return Complaint(
            kind=CaseKind.REPAIR,
            agency=place.agency,
            dataset=place.dataset,
            record=place.record,
            subject=federation.schemes.parse(subject),
            statement=statement,
        )

    told = open_case(Subject(subject, desk, key, binding, home), write)
    tell_case(told, output)
    talk(f"next: landbridge repair show {told['case']} {subject} --at {told['agency']}")
    return _COMPLETE
