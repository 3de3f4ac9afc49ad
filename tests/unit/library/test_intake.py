"""What comes over the wire: taken once, held against what is here, and within bounds."""

import random
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.library.intake import Bounds, Intake
from landbridge.library.opened import open_document
from landbridge.library.store import Library
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from tests.libraries import PartyDesk, ids, memorandum, raised
from tests.pki import BOARD, COUNCIL, REGISTRY

PAIR = memorandum()
THREE = memorandum("three", (REGISTRY, BOARD, COUNCIL))


class Door:
    """A party's folder and what lets documents in."""

    def __init__(self, folder: Path) -> None:
        self.desk = PartyDesk(folder)
        self.library: Library = self.desk.library()
        self.intake = Intake(self.library)

    def refused(self, document: bytes) -> LandbridgeError:
        before = self.files()
        error = raised(lambda: self.intake.take(document))
        assert self.files() == before
        return error

    def files(self) -> list[Path]:
        return sorted(self.desk.state.rglob("*.jws.json"))


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_what_is_new_is_taken_once(door: Door) -> None:
    document = door.desk.form(PAIR)
    assert door.intake.take(document)
    assert ids(door.library) == ["pair"]
    assert not door.intake.take(document)
    assert not door.intake.take(door.desk.form(PAIR, BOARD, REGISTRY))
    assert door.desk.logged() == [("pair", False)]


def test_signatures_come_one_by_one_in_any_order(door: Door) -> None:
    for number, agency in enumerate((COUNCIL, BOARD, REGISTRY)):
        assert ids(door.library) == []
        assert len(door.library.shelf.offers) == min(number, 1)
        assert door.intake.take(door.desk.form(THREE, agency))
    assert ids(door.library) == ["three"]
    assert len(list((door.desk.state / "memoranda").iterdir())) == 1


def test_a_party_that_signs_with_two_keys_signs_twice(door: Door) -> None:
    form = SignedForm.parse(door.desk.form(PAIR))
    twice = form.with_signature(form.signatures[0])
    assert door.refused(twice.to_bytes()).reason is Reason.SIGNERS_NOT_PARTIES


def test_a_key_that_is_not_listed_is_refused(door: Door) -> None:
    stranger = SigningKey.generate(BOARD, KeyUse.MEMORANDUM)
    form = SignedForm.parse(door.desk.form(PAIR, REGISTRY))
    document = form.with_signature(sign(form.payload, stranger)).to_bytes()
    assert door.refused(document).reason is Reason.UNTRUSTED_KEY


def test_another_text_of_an_agreed_id_is_refused(door: Door) -> None:
    door.intake.take(door.desk.form(PAIR))
    error = door.refused(door.desk.form(memorandum("pair", title="9")))
    assert error.reason is Reason.MALFORMED_MEMORANDUM
    assert "another text" in error.message


def test_offers_of_one_id_stand_side_by_side_until_one_is_agreed(door: Door) -> None:
    squatter = memorandum("pair", title="9")
    assert door.intake.take(door.desk.form(squatter, BOARD))
    assert door.intake.take(door.desk.form(PAIR, REGISTRY))
    assert door.intake.take(door.desk.form(PAIR, BOARD))
    assert door.library.shelf.memoranda == (PAIR,)


def test_a_notice_comes_after_its_memorandum(door: Door) -> None:
    notice = door.desk.notice(PAIR, "suspend", REGISTRY)
    assert door.refused(notice).reason is Reason.MALFORMED_NOTICE
    door.intake.take(door.desk.form(PAIR))
    assert door.intake.take(notice)
    assert not door.intake.take(notice)
    stranger = door.desk.notice(PAIR, "suspend", COUNCIL)
    assert door.refused(stranger).reason is Reason.SIGNERS_NOT_PARTIES


def test_a_successor_in_a_muddle_is_kept_and_told(door: Door) -> None:
    door.intake.take(door.desk.form(PAIR))
    late = ("2100-06-01T00:00:00Z", "2101-01-01T00:00:00Z")
    gap = memorandum("late", valid=late, amends="pair")
    error = raised(lambda: door.intake.take(door.desk.form(gap)))
    assert error.reason is Reason.NOT_A_SUCCESSOR
    assert error.where == "memorandum late"
    assert ids(door.library) == ["late", "pair"]


def test_bounds_keep_a_member_from_filling_the_folder(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.intake = Intake(
        door.library, bounds=Bounds(documents=5, offers_of_an_agency=2, notices_of_an_agency=1)
    )
    for number in range(2):
        assert door.intake.take(door.desk.form(memorandum(f"o{number}"), BOARD))
    assert door.refused(door.desk.form(memorandum("o2"), BOARD)).reason is Reason.BUSY
    # The other party's offers, and what is agreed, are not in the way of each other.
    assert door.intake.take(door.desk.form(memorandum("o2"), REGISTRY))
    assert door.intake.take(door.desk.form(PAIR))
    assert door.intake.take(door.desk.notice(PAIR, "suspend", REGISTRY))
    again = door.desk.notice(PAIR, "resume", REGISTRY, since="2026-02-01T00:00:00Z")
    assert door.refused(again).reason is Reason.BUSY
    assert door.refused(door.desk.form(THREE)).reason is Reason.BUSY
    # A signature that completes an offer needs no room.
    assert door.intake.take(door.desk.form(memorandum("o0"), REGISTRY))


def code_of(door: Door, document: bytes) -> str:
    """Return with which code a document is refused, empty where it verifies."""
    try:
        open_document(document, door.library.bundle, door.desk.clock())
    except LandbridgeError as error:
        return error.code
    return ""


def test_no_mutation_gets_in_or_breaks_anything(door: Door) -> None:
    source = random.Random(20260101)
    documents = [door.desk.form(THREE), door.desk.notice(PAIR, "suspend", REGISTRY)]
    door.intake.take(door.desk.form(PAIR))
    before = door.files()
    refused: dict[bytes, str] = {}
    for _ in range(100):
        document = bytearray(source.choice(documents))
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(document))
            document[place : place + source.randint(0, 3)] = source.randbytes(source.randint(0, 3))
        # Only spacing between the members of a document is outside its signatures.
        if code := code_of(door, bytes(document)):
            refused[bytes(document)] = code
    assert len(refused) > 80
    assert set(refused.values()) <= {"LB-4001", "LB-4002", "LB-4101", "LB-4104"}
    for changed, code in list(refused.items())[:20]:
        assert raised(lambda changed=changed: door.intake.take(changed)).code == code  # type: ignore[misc]
    assert door.files() == before
