"""`landbridge dispute open`: the subject of a record says that it is wrong."""

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


def open_(  # noqa: PLR0913  one parameter an option
    record: str = "",
    subject: str = "",
    /,
    *,
    statement: str,
    profile: Annotated[Path | None, Parameter(name="--from")] = None,
    about: str = "",
    fields: Annotated[tuple[str, ...], Parameter(name="--field", negative=())] = (),
    desk: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Open a dispute on a record: it travels with every answer that holds it, at once.

    A desk that knows the subject signs (--as), or the subject with its own key (--key and
    --binding).

    Args:
        record: AGENCY/DATASET/RECORD, as profiles show the three; with --from, the record alone,
            or nothing where the profile holds one of the dataset.
        subject: By which identifier the record is on the subject: scheme, colon, identifier; with
            --from, the profile says it.
        statement: What the subject says: at most 1,000 characters of plain text, that name no
            others and no addresses. Every reader of the record sees it.
        fields: A field that is wrong, again for each; without it, the whole record.
        profile: A saved profile that shows the record.
        about: With --from: AGENCY/DATASET, or AGENCY/DATASET:FIELD,FIELD.
        desk: The desk that signs; with --key, the party over whose line it goes.
        key: The subject's own private key (PEM, Ed25519 or P-256).
        binding: What `landbridge consent bind` wrote for that key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4109 when the subject has no such record or field; LB-4110 when a
            dispute on it is open; LB-4112 for the statement; LB-4108 for a signer whose word does
            not count; LB-1002 to LB-1004 for the identifier; LB-2001 for an agency out of reach.
    """
    named = Named(record, subject, profile, about, fields)

    def write(federation: Federation) -> Complaint:
        place = named.find(federation)
        return Complaint(
            kind=CaseKind.DISPUTE,
            agency=place.agency,
            dataset=place.dataset,
            record=place.record,
            subject=place.subject,
            statement=statement,
            fields=place.fields,
        )

    who = Subject(subject, desk, key, binding, home)
    tell_opened(open_case(who, write), who, output)
    return _COMPLETE
