"""Writing trust bundles: the document's parts, and the federation's signature over them."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import rfc8785
from cryptography import x509
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from certs.authority_files import to_pem
from certs.authority_name import authority_id
from certs.party import Party
from certs.profiles import BACK_DATED
from landbridge.agency import Identity, Role
from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text, signature_text
from landbridge.trust.approval import Statement
from landbridge.trust.document import (
    ApprovalRecord,
    AuthorityRecord,
    AuthorityState,
    BundleDocument,
    EndpointRecord,
    KeyRecord,
    Level,
    LogRecord,
    MemberRecord,
    SignatureRecord,
)

KEY_LIFE = timedelta(days=365)


def member_record(
    title: str, parties: Iterable[tuple[Party, str]], *, suspended_at: datetime | None = None
) -> MemberRecord:
    """Describe an agency by its parties, each with its address; an empty address is left out.

    Raises:
        LandbridgeError: LB-1101 when a part is not of its required form.
    """
    roles: dict[Role, None] = {}
    endpoints: list[EndpointRecord] = []
    keys: list[KeyRecord] = []
    logs: list[LogRecord] = []
    try:
        for party, address in parties:
            identity = party.identity
            roles[identity.role] = None
            if address:
                endpoints.append(endpoint_record(identity, address))
            keys.extend(key_record(key, party.made_at) for key in party.keys.values())
            if KeyUse.LOG in party.keys:
                log_key = party.keys[KeyUse.LOG].key_id
                logs.append(LogRecord(origin=party.origin, key_ids=(log_key,)))
        return MemberRecord(
            title=title,
            roles=tuple(roles),
            suspended_at=suspended_at,
            endpoints=tuple(endpoints),
            keys=tuple(keys),
            logs=tuple(logs),
        )
    except ValidationError as error:
        raise _not_of_form(error) from error


def authority_record(
    certificate: x509.Certificate,
    state: AuthorityState,
    since: datetime,
    *,
    cross: x509.Certificate | None = None,
    issuer: str = "",
) -> AuthorityRecord:
    """Describe a root, or with an issuer the issuing authority under it.

    Raises:
        LandbridgeError: LB-1101 when the certificate is not of its level's form.
    """
    try:
        return AuthorityRecord(
            id=authority_id(certificate.subject),
            level=Level.ISSUING if issuer else Level.ROOT,
            state=state,
            since=since,
            certificate=to_pem(certificate).decode(),
            cross=to_pem(cross).decode() if cross else None,
            issuer=issuer,
        )
    except ValidationError as error:
        raise _not_of_form(error) from error


def endpoint_record(identity: Identity, address: str) -> EndpointRecord:
    """Describe where a party's server listens."""
    return EndpointRecord(
        role=identity.role, name=identity.name, address=address, dns_name=identity.dns_name
    )


def key_record(key: SigningKey, made_at: int) -> KeyRecord:
    """Describe a key that comes with its agency's acceptance."""
    return KeyRecord(
        key_id=key.key_id,
        use=key.use,
        public_key=public_text(key.public),
        state=AuthorityState.ACTIVE,
        not_before=to_datetime(made_at) - BACK_DATED,
        not_after=to_datetime(made_at) + KEY_LIFE,
    )


def sign_statement(statement: Statement, admins: Iterable[SigningKey]) -> ApprovalRecord:
    """Have administrators sign an act, as trust bundles hold it."""
    return approval_record(
        statement.to_bytes(), [(admin.key_id, statement.sign(admin)) for admin in admins]
    )


def approval_record(statement: bytes, signatures: Iterable[tuple[str, bytes]]) -> ApprovalRecord:
    """Write a statement and its signatures, each with the id of its key, as bundles hold them."""
    return ApprovalRecord(
        statement=statement.decode(),
        signatures=tuple(
            SignatureRecord(key_id=key_id, signature=signature_text(signature))
            for key_id, signature in signatures
        ),
    )


def sign_bundle(content: BundleDocument, key: SigningKey) -> bytes:
    """Sign a bundle with the federation's bundle key: RFC 8785 JSON under a flattened JWS."""
    signed = jws.serialize_json(
        {"protected": {"alg": "Ed25519", "kid": key.key_id}},
        rfc8785.dumps(content.model_dump(mode="json")),
        OKPKey.import_key(key.private),
        algorithms=["Ed25519"],
    )
    return json.dumps(signed, indent=1).encode() + b"\n"


def _not_of_form(error: ValidationError) -> LandbridgeError:
    first = error.errors(include_url=False, include_context=False)[0]
    place = f"{first['loc'][-1]} {first['input']!r:.200} " if first["loc"] else ""
    return refuse(
        Reason.INVALID_CONFIGURATION, f"{place}cannot stand in a trust bundle: {first['msg']}"
    )
