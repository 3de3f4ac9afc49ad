"""Which record a case is to be about: named in full, or picked from a saved profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.commands.files import read_named
from landbridge.document import read_document
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.subject import SubjectId


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """A record: who holds it, how it is named, whom it is about, and which fields are meant."""

    agency: str
    dataset: str
    record: str
    subject: SubjectId
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """How the command line says which record is meant."""

    record: str
    subject: str
    profile: Path | None
    about: str
    fields: tuple[str, ...] = ()

    def find(self, federation: Federation) -> RecordPlace:
        """Find the record.

        Raises:
            LandbridgeError: LB-1106 when it is not said, or a profile does not hold exactly one
                such record; LB-1002 to LB-1004 for an identifier.
        """
        if self.profile is not None:
            return _pick(self.profile, self.about, self.record, self.fields)
        agency, _, rest = self.record.partition("/")
        dataset, _, record = rest.partition("/")
        if not (agency and dataset and record and self.subject):
            raise refuse(
                Reason.USAGE,
                "it is not said which record of whom is meant",
                next_step="write AGENCY/DATASET/RECORD and SCHEME:IDENTIFIER as the profile shows"
                " them, or --from PROFILE --about AGENCY/DATASET:FIELD",
            )
        subject = federation.schemes.parse(self.subject)
        return RecordPlace(agency, dataset, record, subject, self.fields)


def _pick(profile: Path, about: str, name: str, fields: tuple[str, ...]) -> RecordPlace:
    where, _, listed = about.partition(":")
    agency, _, dataset = where.partition("/")
    document = read_document(read_named(profile, "profile"))
    try:
        records = _records(document, agency, dataset, name)
    except (KeyError, TypeError, AttributeError):
        raise refuse(
            Reason.USAGE,
            "the file is no profile",
            where=str(profile),
            next_step="give a file that `landbridge profile ... --save FILE` wrote",
        ) from None
    if len(records) != 1:
        raise refuse(
            Reason.USAGE,
            f"the profile holds {len(records) or 'no'} such records of {where or 'nothing'}",
            where=str(profile),
            next_step="name the dataset with --about AGENCY/DATASET"
            + (f", and the record: {', '.join(records)}" if records else ""),
        )
    ((record_name, subject),) = records.items()
    wanted = (*fields, *filter(None, listed.split(",")))
    return RecordPlace(agency, dataset, record_name, subject, tuple(dict.fromkeys(wanted)))


def _records(
    document: Mapping[str, Any], agency: str, dataset: str, name: str
) -> dict[str, SubjectId]:
    """Return the records of a dataset by their names, each with whom it is about."""
    return {
        _text(record["record"]): SubjectId(
            _text(record["about"]["scheme"]), _text(record["about"]["value"])
        )
        for section in document["sections"]
        if (section["agency"], section["dataset"]) == (agency, dataset)
        for record in section["records"]
        if "record" in record and name in ("", record["record"])
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
