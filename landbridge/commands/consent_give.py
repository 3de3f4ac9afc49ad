"""`landbridge consent give`: a consent, signed by the person or by a consent desk."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.consent_file import (
    check_agencies,
    open_federation,
    read_person,
    read_signer,
    read_time,
    tell,
    write_new,
)
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.consent.binding import Introduced
from landbridge.consent.giving import Terms, write_as_desk, write_as_person
from landbridge.consent.person_key import PersonKey
from landbridge.consent.record import read_record
from landbridge.consent.sentences import sentences
from landbridge.errors import Reason, refuse
from landbridge.statement.signed import SignedByOne

_COMPLETE: Final = 0


def give(  # noqa: PLR0913  one parameter an option
    person: str,
    /,
    *,
    requester: str,
    purpose: str,
    dataset: Annotated[list[str], Parameter(negative=())],
    until: str,
    notice: str,
    start: Annotated[str, Parameter(name="--from")] = "",
    withdrawal: str = "",
    key: Path | None = None,
    person_key: Path | None = None,
    binding: Path | None = None,
    federation: Path | None = None,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Write a person's consent, for one requester, one purpose, named datasets and one period.

    A consent desk signs what the person said there (--key), or the person signs with a key that a
    desk has bound to the person (--person-key and --binding). Nothing is sent: give the file to the
    requester, who shows it with `landbridge profile --consent FILE`.

    Args:
        person: Whom the records are about: scheme, colon, identifier.
        requester: The agency that may ask.
        purpose: Why it may ask: one of the federation's purposes.
        dataset: What it may see, again for each: agency/dataset.
        until: The end, such as 2026-05-01 or 2026-05-01T12:00:00Z; it is no longer part of it.
        notice: What the person was told, or where it stands.
        start: The beginning; without it, now.
        withdrawal: How the person can revoke it; without it, at the consent desk.
        key: The consent desk's key of the use consent.
        person_key: The person's own private key (PEM, Ed25519 or P-256).
        binding: What `landbridge consent bind` wrote for the person's key.
        federation: The federation.toml, or its folder; without it, the home folder's.
        out: The file to write; without it, consent-ID.jws.json here.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1002 to LB-1005 for identifier and purpose; LB-4105 for terms that are
            not right; LB-4002 for a key of another use; LB-4011 for a key that others may read.
    """
    signer, known = read_signer(key, person_key), open_federation(federation)
    check_agencies([requester, *(name.partition("/")[0] for name in dataset)], known)
    terms = Terms(
        subject=read_person(person, known),
        requester=requester,
        purpose=known.check_purpose(purpose),
        datasets=tuple(dataset),
        valid_from=read_time(start, "--from"),
        valid_until=read_time(until, "--until"),
        given_at=read_time("", ""),
        notice=notice,
        withdrawal=withdrawal or "At the consent desk, at any time",
    )
    if isinstance(signer, PersonKey):
        signed = _sign_as_person(terms, signer, binding)
    else:
        signed = write_as_desk(terms, signer)
    record = read_record(signed.payload)
    record_id = record.consent_record.record_id
    target = out or Path(f"consent-{record_id}.jws.json")
    write_new(target, signed.to_bytes())
    tell(
        {"record_id": record_id, "file": str(target), "desk": record.desk},
        output,
        *sentences(record),
        f"written: {target}",
    )
    talk(f"next: give the file to {requester}; keep a copy for the person, to revoke it with")
    return _COMPLETE


def _sign_as_person(terms: Terms, key: PersonKey, binding: Path | None) -> SignedByOne:
    if binding is None:
        raise refuse(
            Reason.USAGE,
            "nobody says whose key this is",
            next_step="have a consent desk bind it (`landbridge consent bind`); give --binding",
        )
    introduced = Introduced.load(binding)
    return write_as_person(terms, key, introduced, desk=introduced.desk)
