"""The shared federation's trust bundle, taken apart and signed again with changes."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError
from landbridge.keys import SigningKey, public_text, signature_text
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import unix_ms
from landbridge.trust.introduction import Introduction
from tests.pki import BOARD, shared_federation


def document() -> bytes:
    return (shared_federation().state(BOARD, Role.REQUESTER) / "trust-bundle.json").read_bytes()


def anchor() -> Ed25519PublicKey:
    return shared_federation().bundle_key.public


def bundle() -> TrustBundle:
    return TrustBundle.parse(document(), anchor())


def content() -> dict[str, Any]:
    payload: str = json.loads(document())["payload"]
    loaded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return loaded


def signed(changed: dict[str, Any], key: SigningKey | None = None) -> bytes:
    """Sign any content with the federation's true bundle key, whatever it holds."""
    key = key or shared_federation().bundle_key
    return jws_of(rfc8785.dumps(changed), key)


def add_key(
    changed: dict[str, Any],
    agency: str,
    key: SigningKey,
    *,
    vouched_by: SigningKey | None = None,
    not_before: int | None = None,
) -> dict[str, Any]:
    """List a key of an agency, with or without an earlier one that vouches; return its record."""
    issued = unix_ms(datetime.fromisoformat(changed["issued_at"]))
    record: dict[str, Any] = {
        "key_id": key.key_id,
        "use": str(key.use),
        "public_key": public_text(key.public),
        "state": "active",
        "not_before": to_iso(issued if not_before is None else not_before),
        "not_after": to_iso(issued + 10**10),
        "endorsement": None,
    }
    if vouched_by:
        introduction = Introduction(changed["federation"], agency, key.use, key.public)
        signature = signature_text(introduction.sign(vouched_by))
        record["endorsement"] = {"key_id": vouched_by.key_id, "signature": signature}
    changed["members"][agency]["keys"].append(record)
    return record


def jws_of(payload: bytes, key: SigningKey, header: dict[str, object] | None = None) -> bytes:
    protected = base64url(json.dumps(header or {"alg": "Ed25519", "kid": key.key_id}).encode())
    body = base64url(payload)
    signature = base64url(key.sign(f"{protected}.{body}".encode()))
    return json.dumps({"payload": body, "protected": protected, "signature": signature}).encode()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refusal(call: Callable[[], object]) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value
