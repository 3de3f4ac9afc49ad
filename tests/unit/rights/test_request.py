"""Signed requests of subjects: who may speak, to which agency, how long, how often."""

from typing import Any, Literal

import pytest

from landbridge.errors import LandbridgeError
from landbridge.rights.kind import rights_document
from landbridge.rights.request import Request, VerifiedRequest, verify_request, write_request
from landbridge.rights.speaker import OwnKey, Voice
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from tests.consents import DESK, OTHER_PERSON, PERSON, PROVIDER, bound, desks, ed25519, p256

WHAT = rights_document("request")


class Hello(Request):
    """A kind of request for these tests."""

    request: Literal["hello"]
    page: int = 0


def written(voice: Voice | None = None, at: int | None = None, **changes: Any) -> SignedByOne:
    """Write a right request, with changes."""
    given: dict[str, Any] = {"subjects": [PERSON.subject], "agency": PROVIDER, "own": {}}
    given |= changes
    return write_request(
        Hello,
        "hello",
        given["own"],
        agency=given["agency"],
        subjects=given["subjects"],
        voice=voice or desks().key,
        at=desks().now if at is None else at,
        what=WHAT,
    )


def verify(
    signed: SignedByOne, at: int | None = None, trusted: frozenset[str] | None = None
) -> VerifiedRequest[Hello]:
    return verify_request(
        Hello,
        signed.to_bytes(),
        desks().bundle,
        desks().now if at is None else at,
        agency=PROVIDER,
        desks=trusted,
        what=WHAT,
    )


@pytest.mark.parametrize("make", [ed25519, p256])
def test_a_key_that_a_desk_has_bound_speaks_for_the_one_identifier(make: Any) -> None:
    key = make()

    found = verify(written(OwnKey(key, bound(key)), own={"page": 3}))

    assert found.speaker.desk == DESK
    assert found.speaker.signer == key.public.thumbprint
    assert found.subjects == (PERSON.subject,)
    assert found.request.page == 3


def test_a_desk_speaks_for_whom_it_has_identified() -> None:
    others = [PERSON.subject, SubjectId("us-ope-id", "00100200")]

    found = verify(written(subjects=others), trusted=frozenset({DESK}))

    assert found.speaker.signer == found.speaker.desk == DESK
    assert found.subjects == tuple(others)


def test_a_request_has_a_digest_of_its_own() -> None:
    assert verify(written()).digest != verify(written()).digest


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"subjects": []}, "LB-4107", id="nobody"),
        pytest.param({"subjects": [PERSON.subject] * 2}, "LB-4107", id="one twice"),
        pytest.param(
            {"subjects": [SubjectId("us-ope-id", str(n)) for n in range(9)]}, "LB-4107", id="nine"
        ),
        pytest.param({"own": {"more": "1"}}, "LB-4107", id="a key that nobody knows"),
        pytest.param({"own": {"expires_at": "2026-01-01T00:00:00Z"}}, "LB-4107", id="no length"),
        pytest.param({"own": {"expires_at": "2099-01-01T00:00:00Z"}}, "LB-4107", id="too long"),
        pytest.param({"agency": "elsewhere.one"}, "LB-1001", id="meant for another agency"),
    ],
)
def test_a_request_that_is_none_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        verify(written(**changes))

    assert caught.value.code == code


@pytest.mark.parametrize("off", [-31_000, 5 * 60_000])
def test_a_request_counts_while_it_is_good(off: int) -> None:
    signed = written()
    verify(signed, at=desks().now - 29_000)

    with pytest.raises(LandbridgeError) as caught:
        verify(signed, at=desks().now + off)

    assert caught.value.code == "LB-4003"


def test_whose_word_does_not_count_is_refused() -> None:
    with pytest.raises(LandbridgeError) as caught:
        verify(written(desks().other), trusted=frozenset({DESK}))

    assert caught.value.code == "LB-4108"
    assert DESK in caught.value.next_step


def test_a_stranger_is_refused() -> None:
    key, other = ed25519(), ed25519()
    refused = {
        "LB-4108 another person's identifier": written(
            OwnKey(key, bound(key)), subjects=[OTHER_PERSON.subject]
        ),
        "LB-4108 an identifier that is not bound": written(
            OwnKey(key, bound(key)), subjects=[PERSON.subject, OTHER_PERSON.subject]
        ),
        "LB-4108 past the binding": written(OwnKey(key, bound(key, days=(-3, -1)))),
        "LB-4001 another key than the bound one": written(OwnKey(other, bound(key))),
    }
    for case, signed in refused.items():
        with pytest.raises(LandbridgeError) as caught:
            verify(signed)
        assert case.startswith(caught.value.code), case


def test_a_person_s_key_without_a_binding_is_refused() -> None:
    key = ed25519()
    alone = key.sign(written().payload)

    with pytest.raises(LandbridgeError) as caught:
        verify(alone)

    assert caught.value.code == "LB-4002"
