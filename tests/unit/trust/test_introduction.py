"""New signing keys, and the earlier ones that vouch for them."""

import json

import pytest
import rfc8785

from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust.introduction import Introduction, may_vouch
from tests.bundles import refusal
from tests.pki import FEDERATION, REGISTRY

EARLIER = SigningKey.generate(REGISTRY, KeyUse.LOG)
LATER = SigningKey.generate(REGISTRY, KeyUse.LOG)
INTRODUCTION = Introduction(FEDERATION, REGISTRY, KeyUse.LOG, LATER.public)


def test_introduction_is_read_as_it_was_written() -> None:
    found = Introduction.read(INTRODUCTION.to_bytes())
    assert (found.federation, found.agency, found.use) == (FEDERATION, REGISTRY, KeyUse.LOG)
    assert public_text(found.public) == public_text(LATER.public)


def test_signature_binds_key_agency_use_and_federation() -> None:
    signature = INTRODUCTION.sign(EARLIER)
    assert INTRODUCTION.is_signed_by(EARLIER.public, signature)
    assert not INTRODUCTION.is_signed_by(LATER.public, signature)
    for other in (
        Introduction("elsewhere.example", REGISTRY, KeyUse.LOG, LATER.public),
        Introduction(FEDERATION, "other", KeyUse.LOG, LATER.public),
        Introduction(FEDERATION, REGISTRY, KeyUse.QUERY, LATER.public),
        Introduction(FEDERATION, REGISTRY, KeyUse.LOG, EARLIER.public),
    ):
        assert not other.is_signed_by(EARLIER.public, signature)
    plain = EARLIER.sign(INTRODUCTION.to_bytes())
    assert not INTRODUCTION.is_signed_by(EARLIER.public, plain)


@pytest.mark.parametrize(
    "change",
    [
        {"use": "cook"},
        {"use": None},
        {"agency": "Not An Agency"},
        {"federation": 5},
        {"public_key": "AAAA"},
        {"public_key": None},
        {"more": 1},
    ],
)
def test_introduction_of_another_form_is_refused(change: dict[str, object]) -> None:
    content = {**json.loads(INTRODUCTION.to_bytes()), **change}
    for data in (rfc8785.dumps(content), json.dumps(content).encode()):
        error = refusal(lambda d=data: Introduction.read(d))
        assert error.reason is Reason.MALFORMED_REQUEST


def test_garbage_is_refused() -> None:
    whole = INTRODUCTION.to_bytes()
    for data in (b"", b"null", b"[" * 2000, whole + b" ", whole[:-1], b" " * 4096, b"\xff"):
        assert refusal(lambda d=data: Introduction.read(d)).reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize("earlier", list(KeyUse))
@pytest.mark.parametrize("later", list(KeyUse))
def test_memorandum_key_speaks_for_its_agency_and_not_for_persons(
    earlier: KeyUse, later: KeyUse
) -> None:
    binding = earlier is KeyUse.MEMORANDUM and later is not KeyUse.ADMIN
    assert may_vouch(earlier, later) == (earlier is later or binding)
