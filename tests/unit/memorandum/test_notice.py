"""Notices: signed by exactly those whom they name, in their one form, on one text."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.notice import (
    SignedNotice,
    WrittenNotice,
    check_fits,
    verify_notice,
)
from landbridge.memorandum.signed_form import sign
from tests.memoranda import KeyRing, make_memorandum

MEMORANDUM = make_memorandum([{"clause": "1"}, {"clause": "2", "fields": ["g"]}])
RING = KeyRing("p.a", "r.a", "stranger")
FIELDS = {
    "notice": "suspend",
    "memorandum": MEMORANDUM.id,
    "digest": MEMORANDUM.digest,
    "from": "2026-05-01T00:00:00Z",
    "reason": "Audit of the register",
    "signers": ["p.a"],
}


def signed(payload: bytes, *agencies: str) -> bytes:
    return SignedNotice(
        payload, tuple(sign(payload, RING.keys[name]) for name in agencies)
    ).to_bytes()


def written(**changes: object) -> bytes:
    return WrittenNotice.draft(FIELDS | changes).to_json()


def refused(document: bytes) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        verify_notice(document, RING.find)
    return caught.value


def test_what_its_signer_signed_is_taken() -> None:
    notice = verify_notice(signed(written(clauses=["2"]), "p.a"), RING.find)
    assert (notice.kind, notice.memorandum, notice.signers) == ("suspend", "m-1", {"p.a"})
    assert notice.clauses == {"2"}
    assert notice.from_ms == 1_777_593_600_000
    check_fits(notice, MEMORANDUM)


def test_all_whom_it_names_must_sign() -> None:
    both = written(signers=["r.a", "p.a"])
    assert verify_notice(signed(both, "p.a", "r.a"), RING.find).signers == {"p.a", "r.a"}
    for agencies in (("p.a",), ("p.a", "stranger"), ("p.a", "r.a", "stranger"), ("p.a", "p.a"), ()):
        assert refused(signed(both, *agencies)).reason is Reason.SIGNERS_NOT_PARTIES


@pytest.mark.parametrize(
    "changes",
    [
        {"notice": "pause"},
        {"memorandum": "../x"},
        {"digest": "00"},
        {"digest": "G" * 64},
        {"from": "2026-02-30T00:00:00Z"},
        {"from": "tomorrow"},
        {"from": 5},
        {"reason": " "},
        {"reason": "x" * 3000},
        {"signers": []},
        {"signers": ["p.a", "p.a"]},
        {"signers": "p.a"},
        {"clauses": ["1", "1"]},
        {"extra": 1},
    ],
)
def test_a_malformed_notice_is_refused(changes: dict[str, object]) -> None:
    payload = rfc8785.dumps({**FIELDS, **changes})  # type: ignore[dict-item]
    error = refused(signed(payload, "p.a"))
    assert error.reason is Reason.MALFORMED_NOTICE
    assert error.next_step


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(FIELDS).encode(),
        rfc8785.dumps({**FIELDS, "clauses": []}),  # type: ignore[dict-item]
        written().replace(b'"notice":"suspend"', b'"notice":"resume","notice":"suspend"'),
        b"[1]",
        b"no json",
    ],
)
def test_only_its_one_writing_counts(payload: bytes) -> None:
    assert refused(signed(payload, "p.a")).reason is Reason.MALFORMED_NOTICE


@pytest.mark.parametrize("document", [b"", b"{}", b"x" * 200_000, b"[" * 90_000])
def test_what_is_no_signed_document_is_refused(document: bytes) -> None:
    assert refused(document).reason is Reason.MALFORMED_NOTICE


def test_an_unknown_key_and_an_altered_text_are_refused() -> None:
    stranger = KeyRing("p.a").keys["p.a"]
    payload = written()
    document = SignedNotice(payload, (sign(payload, stranger),)).to_bytes()
    assert refused(document).reason is Reason.UNTRUSTED_KEY
    other = SignedNotice(
        written(reason="Other"), SignedNotice.parse(signed(payload, "p.a")).signatures
    )
    assert refused(other.to_bytes()).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"digest": "00" * 32}, Reason.MALFORMED_NOTICE, "another text"),
        ({"clauses": ["3"]}, Reason.MALFORMED_NOTICE, "no clause 3"),
        ({"signers": ["stranger"]}, Reason.SIGNERS_NOT_PARTIES, "stranger signed without"),
    ],
)
def test_a_notice_must_fit_its_memorandum(
    changes: dict[str, object], reason: Reason, words: str
) -> None:
    notice = WrittenNotice.draft(FIELDS | changes).taken()
    with pytest.raises(LandbridgeError, match=words) as caught:
        check_fits(notice, MEMORANDUM)
    assert caught.value.reason is reason
    assert caught.value.where == "notice on m-1"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_changed_byte_makes_another_notice(data: st.DataObject) -> None:
    document = bytearray(signed(written(), "p.a"))
    document[data.draw(st.integers(0, len(document) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        notice = verify_notice(bytes(document), RING.find)
    except LandbridgeError:
        return
    assert notice == verify_notice(signed(written(), "p.a"), RING.find)
