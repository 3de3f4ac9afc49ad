"""Consent records: one person, one requester, one purpose, named datasets, one period.

The payload has the four sections of ISO/IEC TS 27560:2023: the record's header, the processing of
the person's data, the parties, and the event by which consent was given. It is signed by the
person's own key, which a consent desk has bound to the person, or by the desk itself.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from landbridge.consent.binding import Introduced
from landbridge.consent.desk import sign_as_desk
from landbridge.consent.form import Part, make_payload, malformed, read_payload
from landbridge.consent.person_key import PersonKey
from landbridge.consent.signed import SignedByOne
from landbridge.keys import SigningKey
from landbridge.memorandum.words import (
    AgencyId,
    Instant,
    Line,
    LinkSource,
    Name,
    SomeDistinct,
    read_instant,
)
from landbridge.subject import SubjectId

SCHEMA: Final = "urn:landbridge:consent-record:1"
WHAT: Final = "consent record"

_ID_BYTES: Final = 16


class Principal(Part):
    """Whom the record is about."""

    scheme: str = Field(min_length=1, max_length=200)
    value: str = Field(min_length=1, max_length=256)


class Header(Part):
    """The record itself, and the person."""

    schema_version: Literal["urn:landbridge:consent-record:1"]
    record_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    pii_principal_id: Principal
    pii_principal_key: Introduced | None = None
    """The person's key as a desk has bound it, where the person signs."""


class Processing(Part):
    """What the person consents to."""

    purpose: Name
    lawful_basis: Literal["consent"]
    pii_information: SomeDistinct[LinkSource]
    """The datasets, as `agency/dataset`."""
    privacy_notice: Line
    """What the person was told, or where it stands."""
    withdrawal_method: Line


class Party(Part):
    """An agency and its part."""

    party_id: AgencyId
    party_role: Literal["requester", "provider", "consent-desk"]


class Given(Part):
    """The event by which the consent was given."""

    event_type: Literal["explicit"]
    event_state: Literal["given"]
    event_time: Instant
    entity_id: str = Field(min_length=1, max_length=300)
    """Who signs: the id of the desk, or the thumbprint of the person's key."""
    valid_from: Instant
    valid_until: Instant


class RecordDocument(Part):
    """The payload of a consent record."""

    consent_record: Header
    pii_processing: Processing
    party_identification: tuple[Party, ...] = Field(min_length=3, max_length=100)
    events: tuple[Given, ...] = Field(min_length=1, max_length=1)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a person consents to, as commands and tests write it; times as 2026-01-01T00:00:00Z."""

    subject: SubjectId
    requester: str
    purpose: str
    datasets: Sequence[str]
    valid_from: str
    valid_until: str
    given_at: str
    notice: str
    withdrawal: str


def write_as_desk(terms: Terms, desk: SigningKey) -> SignedByOne:
    """Write a consent that a desk took down and signs.

    Raises:
        LandbridgeError: LB-4105 with what is wrong with the terms; LB-4002 for a key of another
            use.
    """
    return sign_as_desk(_write(terms, desk.agency, desk.agency, None), desk)


def write_as_person(
    terms: Terms, key: PersonKey, introduced: Introduced, *, desk: str
) -> SignedByOne:
    """Write a consent that the person signs with a key that the desk has bound to the person.

    Raises:
        LandbridgeError: LB-4105 with what is wrong with the terms.
    """
    return key.sign(_write(terms, desk, key.public.thumbprint, introduced))


def read_record(payload: bytes) -> RecordDocument:
    """Read the payload of a record; whoever calls has verified it, or says that it is unverified.

    Raises:
        LandbridgeError: LB-4105 with the place of what is wrong.
    """
    record = read_payload(RecordDocument, payload, WHAT)
    record.check()
    return record


def _write(terms: Terms, desk: str, signer: str, introduced: Introduced | None) -> bytes:
    providers = sorted({name.partition("/")[0] for name in terms.datasets})
    parties = (
        (terms.requester, "requester"),
        *((provider, "provider") for provider in providers),
        (desk, "consent-desk"),
    )
    key = {} if introduced is None else {"pii_principal_key": introduced.model_dump()}
    written = {
        "consent_record": {
            "schema_version": SCHEMA,
            "record_id": secrets.token_hex(_ID_BYTES),
            "pii_principal_id": {"scheme": terms.subject.scheme, "value": terms.subject.value},
            **key,
        },
        "pii_processing": {
            "purpose": terms.purpose,
            "lawful_basis": "consent",
            "pii_information": list(terms.datasets),
            "privacy_notice": terms.notice,
            "withdrawal_method": terms.withdrawal,
        },
        "party_identification": [
            {"party_id": party, "party_role": role} for party, role in parties
        ],
        "events": [
            {
                "event_type": "explicit",
                "event_state": "given",
                "event_time": terms.given_at,
                "entity_id": signer,
                "valid_from": terms.valid_from,
                "valid_until": terms.valid_until,
            }
        ],
    }
    payload = make_payload(RecordDocument, written, WHAT)
    read_record(payload)
    return payload
