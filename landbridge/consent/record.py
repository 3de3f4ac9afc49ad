"""Consent records: one person, one requester, one purpose, named datasets, one period.

The payload has the four sections of ISO/IEC TS 27560:2023: the record's header, the processing of
the person's data, the parties, and the event by which consent was given. It is signed by the
person's own key, which a consent desk has bound to the person, or by the desk itself.
"""

from typing import Any, Final, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from landbridge.consent.binding import Introduced
from landbridge.consent.kind import consent_document
from landbridge.described import DescribedSchema
from landbridge.memorandum.grant import drop_default
from landbridge.memorandum.words import (
    AgencyId,
    Instant,
    Line,
    LinkSource,
    Name,
    SomeDistinct,
    read_instant,
)
from landbridge.statement.form import Part, malformed, read_payload
from landbridge.subject import SubjectId

SCHEMA: Final = "urn:landbridge:consent-record:1"
WHAT: Final = consent_document("consent record")


class Principal(Part):
    """Whom the record is about."""

    scheme: str = Field(min_length=1, max_length=200)
    """The federation's identifier scheme."""
    value: str = Field(min_length=1, max_length=256)
    """The identifier in its normal form."""


class Header(Part):
    """The record itself, and the person."""

    schema_version: Literal["urn:landbridge:consent-record:1"]
    """This profile of the standard."""
    record_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The record's id: 128 random bits in hexadecimal."""
    pii_principal_id: Principal
    """The one person."""
    pii_principal_key: Introduced | SkipJsonSchema[None] = Field(
        None, json_schema_extra=drop_default
    )
    """The person's key as a desk has bound it, where the person signs."""


class Processing(Part):
    """What the person consents to."""

    purpose: Name
    """One purpose of the federation's list."""
    lawful_basis: Literal["consent"]
    """Always consent: a clause that names a statute needs no record."""
    pii_information: SomeDistinct[LinkSource]
    """The datasets, as `agency/dataset`."""
    privacy_notice: Line
    """What the person was told, or where it stands."""
    withdrawal_method: Line
    """How the person can revoke."""


class Party(Part):
    """An agency and its part."""

    party_id: AgencyId
    """The agency."""
    party_role: Literal["requester", "provider", "consent-desk"]
    """Who may ask, who may answer, or who vouches for the consent."""


class Given(Part):
    """The event by which the consent was given."""

    event_type: Literal["explicit"]
    """The person said or signed it."""
    event_state: Literal["given"]
    """Its end is a document of its own, the revocation."""
    event_time: Instant
    """When the person said or signed it."""
    entity_id: str = Field(min_length=1, max_length=300)
    """Who signs: the id of the desk, or the thumbprint of the person's key."""
    valid_from: Instant
    """The first instant of the period."""
    valid_until: Instant
    """The first instant no longer in it."""


class RecordDocument(Part):
    """The payload of a consent record."""

    consent_record: Header
    """The record's header."""
    pii_processing: Processing
    """The processing of the person's data."""
    party_identification: tuple[Party, ...] = Field(min_length=3, max_length=100)
    """One requester, one consent desk, and the providers of the datasets."""
    events: tuple[Given, ...] = Field(min_length=1, max_length=1)
    """The one event."""

    @property
    def given(self) -> Given:
        """The one event."""
        return self.events[0]

    @property
    def subject(self) -> SubjectId:
        """Whom the record is about."""
        principal = self.consent_record.pii_principal_id
        return SubjectId(principal.scheme, principal.value)

    @property
    def requester(self) -> str:
        """The one agency that may ask."""
        return self._of_role("requester")[0]

    @property
    def desk(self) -> str:
        """The agency that vouches for the consent."""
        return self._of_role("consent-desk")[0]

    @property
    def agencies(self) -> tuple[str, ...]:
        """The agencies that a revocation has to reach: requester and providers."""
        return (self.requester, *self._of_role("provider"))

    def check(self) -> None:
        """Check that the sections fit together.

        Raises:
            LandbridgeError: LB-4105.
        """
        providers = sorted({name.partition("/")[0] for name in self.pii_processing.pii_information})
        if len(self._of_role("requester")) != 1 or len(self._of_role("consent-desk")) != 1:
            raise malformed(WHAT, "party_identification: one requester, one consent desk")
        if sorted(self._of_role("provider")) != providers:
            raise malformed(
                WHAT, "party_identification: the providers are the agencies of pii_information"
            )
        if read_instant(self.given.valid_from) >= read_instant(self.given.valid_until):
            raise malformed(WHAT, "events[0].valid_until: must be later than `valid_from`")

    def _of_role(self, role: str) -> list[str]:
        return [party.party_id for party in self.party_identification if party.party_role == role]


def read_record(payload: bytes) -> RecordDocument:
    """Read the payload of a record; whoever calls has verified it, or says that it is unverified.

    Raises:
        LandbridgeError: LB-4105 with the place of what is wrong.
    """
    record = read_payload(RecordDocument, payload, WHAT)
    record.check()
    return record


def json_schema() -> dict[str, Any]:
    """Describe the payload as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **RecordDocument.model_json_schema(schema_generator=DescribedSchema),
    }
