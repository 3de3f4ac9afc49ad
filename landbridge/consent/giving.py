"""Writing consents: by the person, with a key that a desk has bound, or by a desk."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.consent.binding import Introduced
from landbridge.consent.desk import sign_as_desk
from landbridge.consent.person_key import PersonKey
from landbridge.consent.record import SCHEMA, WHAT, RecordDocument, read_record
from landbridge.keys import SigningKey
from landbridge.statement.form import make_payload
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId

_ID_BYTES: Final = 16


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
