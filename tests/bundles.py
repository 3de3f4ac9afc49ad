"""The shared federation's trust bundle, taken apart and signed again with changes."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role
from landbridge.errors import LandbridgeError
from landbridge.keys import SigningKey
from landbridge.trust import TrustBundle
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
