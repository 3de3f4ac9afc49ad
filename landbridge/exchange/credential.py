"""A verified profile as a W3C Verifiable Credential 2.0, secured as JWT (VC-JOSE-COSE, `vc+jwt`).

The requester states by it what a gateway handed over; the evidence goes along, so that whoever has
the federation's trust bundle can go behind that word. The issuer is named by its key (`did:jwk`),
which any verifier can read without asking anybody.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text

MEDIA_TYPE: Final = "vc+jwt"
_VOCABULARY: Final = "urn:landbridge:vocabulary#"
_JSON: Final = "@json"
CONTEXT: Final[list[Any]] = [
    "https://www.w3.org/ns/credentials/v2",
    {
        "ProfileCredential": f"{_VOCABULARY}ProfileCredential",
        "GatewayEvidence": f"{_VOCABULARY}GatewayEvidence",
        "identifier": {"@id": f"{_VOCABULARY}identifier", "@type": _JSON},
        "profile": {"@id": f"{_VOCABULARY}profile", "@type": _JSON},
        "envelope": f"{_VOCABULARY}envelope",
        "opened": {"@id": f"{_VOCABULARY}opened", "@type": _JSON},
    },
]
_PROOFS: Final = ("evidence", "opened")
"""Keys of a profile that prove the rest of it."""


def write_credential(document: Mapping[str, Any], issuer: SigningKey | None) -> dict[str, Any]:
    """Write the credential of a profile document that has been verified.

    Without an issuer it is one that the reader still has to name and to sign.

    Raises:
        LandbridgeError: LB-4002 when the issuer's key is not one for queries.
    """
    subject = document["query"]["subject"]
    shown = {key: value for key, value in document.items() if key not in _PROOFS}
    digest = hashlib.sha256(rfc8785.dumps(dict(document))).hexdigest()
    evidence = {"type": "GatewayEvidence", "envelope": document["evidence"]}
    if "opened" in document:
        evidence["opened"] = document["opened"]
    credential: dict[str, Any] = {
        "@context": CONTEXT,
        "id": f"urn:landbridge:credential:{digest}",
        "type": ["VerifiableCredential", "ProfileCredential"],
        "name": f"Profile of {subject['scheme']} {subject['value']}",
        "validFrom": document["assembled_at"],
        "credentialSubject": {
            "id": _subject_id(document["federation"], subject),
            "identifier": subject,
            "profile": shown,
        },
        "evidence": [evidence],
    }
    if issuer is not None:
        credential["issuer"] = {"id": did_of(issuer), "name": issuer.agency}
    return credential


def sign_credential(credential: Mapping[str, Any], issuer: SigningKey) -> str:
    """Sign a credential as a compact JWS (RFC 7515) with Ed25519.

    Raises:
        LandbridgeError: LB-4002 when the issuer's key is not one for queries.
    """
    did = did_of(issuer)
    # Verifiers of credentials know Ed25519 by this name (RFC 8037), few by that of RFC 9864.
    header = {"alg": "EdDSA", "cty": "vc", "kid": f"{did}#0", "typ": MEDIA_TYPE}
    signed = f"{_encode(rfc8785.dumps(header))}.{_encode(json.dumps(credential).encode())}"
    return f"{signed}.{_encode(issuer.sign(signed.encode()))}"


def did_of(issuer: SigningKey) -> str:
    """Name a key so that its name is the key: did:jwk.

    Raises:
        LandbridgeError: LB-4002 when it is not a key for queries.
    """
    if issuer.use is not KeyUse.QUERY:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {issuer.key_id} is one for {issuer.use}, and a key has one use",
            next_step="sign with the requester's key for queries: it is the requester that states "
            "what it got",
        )
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": public_text(issuer.public)}
    return f"did:jwk:{_encode(rfc8785.dumps(jwk))}"


def _subject_id(federation: str, subject: Mapping[str, str]) -> str:
    name = base64.urlsafe_b64encode(f"{subject['scheme']}:{subject['value']}".encode()).decode()
    return f"urn:landbridge:{federation}:subject:{name.rstrip('=')}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
