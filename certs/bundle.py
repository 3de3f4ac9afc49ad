"""Writing trust bundles: the document's parts, and the federation's signature over them."""

import json
from collections.abc import Iterable
from datetime import timedelta

import rfc8785
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from certs.party import Party
from certs.profiles import BACK_DATED
from landbridge.agency import Identity, Role
from landbridge.clock import to_datetime
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust_document import (
    BundleDocument,
    EndpointRecord,
    KeyRecord,
    LogRecord,
    MemberRecord,
)

KEY_LIFE = timedelta(days=365)


def member_record(
    title: str, parties: Iterable[tuple[Party, str]], *, suspended: bool
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
                endpoints.append(_endpoint(identity, address))
            keys.extend(_key(key, party.made_at) for key in party.keys.values())
            if KeyUse.LOG in party.keys:
                log_key = party.keys[KeyUse.LOG].key_id
                logs.append(LogRecord(origin=party.origin, key_id=log_key))
        return MemberRecord(
            title=title,
            roles=tuple(roles),
            suspended=suspended,
            endpoints=tuple(endpoints),
            keys=tuple(keys),
            logs=tuple(logs),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{first['loc'][-1]} {first['input']!r} cannot stand in a trust bundle: {first['msg']}",
        ) from error


def sign_bundle(content: BundleDocument, key: SigningKey) -> bytes:
    """Sign a bundle with the federation's bundle key: RFC 8785 JSON under a flattened JWS."""
    signed = jws.serialize_json(
        {"protected": {"alg": "Ed25519", "kid": key.key_id}},
        rfc8785.dumps(content.model_dump(mode="json")),
        OKPKey.import_key(key.private),
        algorithms=["Ed25519"],
    )
    return json.dumps(signed, indent=1).encode() + b"\n"


def _endpoint(identity: Identity, address: str) -> EndpointRecord:
    return EndpointRecord(
        role=identity.role, name=identity.name, address=address, dns_name=identity.dns_name
    )


def _key(key: SigningKey, made_at: int) -> KeyRecord:
    return KeyRecord(
        key_id=key.key_id,
        use=key.use,
        public_key=public_text(key.public),
        not_before=to_datetime(made_at) - BACK_DATED,
        not_after=to_datetime(made_at) + KEY_LIFE,
    )
