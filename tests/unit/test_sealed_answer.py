"""Sealed answers: what they show, what opens them, and that only what was signed is read."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.sealed_answer import (
    LARGEST_STEP_BYTES,
    SMALLEST_BYTES,
    open_answer,
    seal_answer,
    unseal,
    without_contents,
)
from landbridge.sealing import OVERHEAD_BYTES, SealingKey, seal, seal_info
from landbridge.v1 import answer_pb2, query_pb2
from tests.small_town import NAME, SUBJECT, answered, column, heading, record, text

KEY = SealingKey.generate()
SECRET = "Northgate Bakery"


def plain(value: str = SECRET) -> answer_pb2.Answer:
    extract = answer_pb2.Extract(
        memorandum="m-1",
        clause="2.1",
        legal_basis="Act 1",
        heading=heading(column("name", term="name")),
        records=[record("r-42", SUBJECT, [text(value)])],
    )
    companies = answered("companies", [extract], as_of="2026-01-31")
    companies.refusals.add(field="tax-debt", reason=Reason.FIELD_NOT_COVERED.value)
    return answer_pb2.Answer(
        query_digest=b"q" * 32,
        federation=NAME,
        agency="registry",
        step=query_pb2.STEP_COLLECT,
        round=1,
        answered_at_unix_ms=1_770_000_000_000,
        datasets=[
            companies,
            answer_pb2.DatasetAnswer(
                dataset="fines", outcome=Reason.NO_RECORD.value, detail="none since 2019"
            ),
        ],
    )


def sealed(answer: answer_pb2.Answer | None = None) -> answer_pb2.Answer:
    return seal_answer(
        answer or plain(), seal_to=KEY.public, requester="board", memoranda=["m-1", "m-0", "m-1"]
    )


def opened(answer: answer_pb2.Answer) -> answer_pb2.Answer:
    return unseal(answer, open_answer(answer, KEY, requester="board"))


def broken(work: Callable[[], object]) -> str:
    with pytest.raises(LandbridgeError) as caught:
        work()
    assert caught.value.reason is Reason.SEAL_BROKEN
    return caught.value.message


def test_who_asked_reads_what_the_node_would_have_sent_in_the_clear() -> None:
    answer = sealed()
    assert opened(answer) == plain()


def test_the_cover_names_datasets_and_memoranda_and_says_no_more() -> None:
    answer = sealed()
    assert [(d.dataset, d.outcome) for d in answer.datasets] == [
        ("companies", Reason.SEALED),
        ("fines", Reason.SEALED),
    ]
    assert list(answer.sealed.memoranda) == ["m-0", "m-1"]
    shown = answer.SerializeToString()
    for secret in (b"Northgate", b"r-42", b"2.1", b"Act 1", b"tax-debt", b"2019", b"2026-01-31"):
        assert secret not in shown


def test_a_record_and_none_look_the_same_from_outside() -> None:
    nothing = plain()
    del nothing.datasets[0].extracts[:], nothing.datasets[0].refusals[:]
    nothing.datasets[0].outcome = Reason.NO_RECORD.value
    first, second = sealed(), sealed(nothing)
    assert first.ByteSize() == second.ByteSize()
    assert len(first.sealed.ciphertext) == SMALLEST_BYTES + OVERHEAD_BYTES


def test_the_digest_of_equal_contents_differs_so_that_nobody_can_guess_them() -> None:
    assert sealed().sealed.contents_digest != sealed().sealed.contents_digest


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 70_000))
def test_sizes_are_powers_of_two_and_every_size_can_be_filled(size: int) -> None:
    answer = sealed(plain("x" * size))
    padded = len(answer.sealed.ciphertext) - OVERHEAD_BYTES
    assert padded & (padded - 1) == 0
    assert size < padded
    assert opened(answer) == plain("x" * size)


@pytest.mark.parametrize("length", range(3770, 4040))
def test_gaps_that_no_padding_fits_are_passed_over(length: int) -> None:
    answer = sealed(plain("x" * length))
    assert len(answer.sealed.ciphertext) - OVERHEAD_BYTES in (4096, 8192)


def test_large_answers_grow_by_a_mebibyte_at_most() -> None:
    size = 3 * LARGEST_STEP_BYTES
    answer = sealed(plain("x" * size))
    assert len(answer.sealed.ciphertext) - OVERHEAD_BYTES == 4 * LARGEST_STEP_BYTES
    assert opened(answer) == plain("x" * size)


def test_another_key_opens_nothing() -> None:
    other = SealingKey.generate()
    assert "does not open" in broken(lambda: open_answer(sealed(), other, requester="board"))


def set_agency(answer: answer_pb2.Answer) -> None:
    answer.agency = "permits"


def set_query(answer: answer_pb2.Answer) -> None:
    answer.query_digest = b"p" * 32


def set_federation(answer: answer_pb2.Answer) -> None:
    answer.federation = "other.example"


def set_memoranda(answer: answer_pb2.Answer) -> None:
    answer.sealed.memoranda[:] = ["m-0", "m-1", "m-9"]


def cut(answer: answer_pb2.Answer) -> None:
    answer.sealed.ciphertext = answer.sealed.ciphertext[:-1]


@pytest.mark.parametrize("move", [set_agency, set_query, set_federation, set_memoranda, cut])
def test_a_seal_that_was_moved_or_cut_does_not_open(
    move: Callable[[answer_pb2.Answer], None],
) -> None:
    answer = sealed()
    move(answer)
    assert "does not open" in broken(lambda: open_answer(answer, KEY, requester="board"))


def test_what_is_sealed_to_one_requester_opens_for_no_other() -> None:
    assert "does not open" in broken(lambda: open_answer(sealed(), KEY, requester="court"))


def reseal(
    spoil: Callable[[answer_pb2.SealedContents], object], *, commit: bool = True
) -> answer_pb2.Answer:
    """Seal other contents as a dishonest node would, with the digest of these or of the right."""
    answer = sealed()
    contents = answer_pb2.SealedContents.FromString(open_answer(answer, KEY, requester="board"))
    spoil(contents)
    plaintext = contents.SerializeToString()
    info = seal_info(
        federation=NAME,
        requester="board",
        agency="registry",
        query_digest=b"q" * 32,
        memoranda=answer.sealed.memoranda,
    )
    answer.sealed.ciphertext = seal(plaintext, seal_to=KEY.public, info=info)
    if commit:
        answer.sealed.contents_digest = sha256(plaintext).digest()
    return answer


def rename(contents: answer_pb2.SealedContents) -> None:
    contents.datasets[0].dataset = "persons"


def seal_twice(contents: answer_pb2.SealedContents) -> None:
    contents.datasets[0].outcome = Reason.SEALED.value


def say_broken(contents: answer_pb2.SealedContents) -> None:
    contents.datasets[1].outcome = Reason.SEAL_BROKEN.value


def take_other_memorandum(contents: answer_pb2.SealedContents) -> None:
    contents.datasets[0].extracts[0].memorandum = "m-7"


def drop(contents: answer_pb2.SealedContents) -> None:
    del contents.datasets[1]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (rename, "other datasets"),
        (drop, "other datasets"),
        (seal_twice, "sealed once more"),
        (say_broken, "sealed once more"),
        (take_other_memorandum, "not bound to the memorandum"),
    ],
)
def test_contents_that_do_not_fit_their_cover_are_refused(
    spoil: Callable[[answer_pb2.SealedContents], None], why: str
) -> None:
    answer = reseal(spoil)
    assert why in broken(lambda: opened(answer))


def test_contents_other_than_committed_are_refused() -> None:
    answer = reseal(
        lambda contents: setattr(contents.datasets[1], "detail", "changed"), commit=False
    )
    assert "else than the agency signed" in broken(lambda: opened(answer))


def test_opened_contents_are_held_against_the_signed_digest_without_a_key() -> None:
    answer = sealed()
    contents = open_answer(answer, KEY, requester="board")
    for place in range(0, len(contents), 41):
        spoiled = bytearray(contents)
        spoiled[place] ^= 1
        assert "else than" in broken(lambda spoiled=spoiled: unseal(answer, bytes(spoiled)))  # type: ignore[misc]
    assert "else than" in broken(lambda: unseal(sealed(), contents))


def test_bytes_that_are_no_contents_are_refused() -> None:
    answer = sealed()
    answer.sealed.contents_digest = sha256(b"\xff").digest()
    assert "holds no datasets" in broken(lambda: unseal(answer, b"\xff"))


def test_an_answer_that_cannot_be_opened_is_a_failure_of_each_dataset() -> None:
    failed = without_contents(sealed())
    assert [(d.dataset, d.outcome) for d in failed.datasets] == [
        ("companies", Reason.SEAL_BROKEN),
        ("fines", Reason.SEAL_BROKEN),
    ]
    assert not failed.HasField("sealed")


@pytest.mark.parametrize("key", [b"", b"garbage", bytes(100_000)])
def test_a_query_with_no_key_to_seal_to_is_refused(key: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        seal_answer(plain(), seal_to=key, requester="board", memoranda=["m-1"])
    assert caught.value.reason is Reason.MALFORMED_REQUEST
