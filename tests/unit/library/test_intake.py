"""What comes over the wire: taken once, held against what is here, and within bounds."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import rfc8785

from landbridge.consent.desk import sign_as_desk
from landbridge.consent.record import WHAT, read_record
from landbridge.consent.revocation import revoke_as_desk
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.library.intake import Bounds, Intake
from landbridge.library.opened import open_document
from landbridge.library.store import Library
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from landbridge.rpc.document_log import DocumentLog
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import TrustStore
from tests.consents import PROVIDER, REQUESTER, by_desk, desks, instant
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


def test_bounds_keep_a_member_from_filling_the_folder(door: Door) -> None:
    bounds = Bounds(agreements_of_an_agency=3, offers_of_an_agency=2, notices_of_an_agency=1)
    door.intake = Intake(door.library, bounds=bounds)
    for number in range(2):
        assert door.intake.take(door.desk.form(memorandum(f"o{number}"), BOARD))
    assert door.refused(door.desk.form(memorandum("o2"), BOARD)).reason is Reason.BUSY
    # The other party's offers, and what is agreed, are not in the way of each other.
    assert door.intake.take(door.desk.form(memorandum("o2"), REGISTRY))
    assert door.intake.take(door.desk.form(PAIR))
    assert door.intake.take(door.desk.form(memorandum("p2")))
    assert door.intake.take(door.desk.form(memorandum("p3")))
    assert door.refused(door.desk.form(THREE)).reason is Reason.BUSY
    # A notice always finds room where its memorandum did, and one party's takes no other's.
    assert door.intake.take(door.desk.notice(PAIR, "suspend", REGISTRY))
    again = door.desk.notice(PAIR, "resume", REGISTRY, since="2026-02-01T00:00:00Z")
    assert door.refused(again).reason is Reason.BUSY
    assert door.intake.take(door.desk.notice(PAIR, "suspend", BOARD))
    # A signature that completes an offer needs no room.
    assert door.intake.take(door.desk.form(memorandum("o0"), REGISTRY))


def test_offers_that_lost_their_id_still_take_their_room(door: Door) -> None:
    door.intake = Intake(door.library, bounds=Bounds(offers_of_an_agency=2))
    for title in ("7", "8"):
        assert door.intake.take(door.desk.form(memorandum("pair", title=title), BOARD))
    assert door.intake.take(door.desk.form(PAIR))
    assert len(door.library.shelf.idle) == 2
    assert door.refused(door.desk.form(memorandum("o1"), BOARD)).reason is Reason.BUSY


def test_a_large_offer_is_refused_before_it_is_read(door: Door) -> None:
    door.intake = Intake(door.library, bounds=Bounds(offer_bytes=200))
    assert door.refused(door.desk.form(PAIR, BOARD)).reason is Reason.MALFORMED_MEMORANDUM
    assert door.intake.take(door.desk.form(PAIR))
    junk = SignedForm(b"[" * 5000).to_bytes()
    assert door.refused(junk).reason is Reason.MALFORMED_MEMORANDUM


def test_a_memorandum_of_too_many_rights_is_refused(door: Door) -> None:
    door.intake = Intake(door.library, bounds=Bounds(rights=2))
    assert door.intake.take(door.desk.form(PAIR))
    third = memorandum("second", title="3")
    assert "are more than 2" in door.refused(door.desk.form(third)).message


class DeskTrust:
    """Trust in consent desks alone; what else a library asks of it never changes."""

    def __init__(self, bundle: TrustBundle) -> None:
        self.current = SimpleNamespace(bundle=bundle)


def test_no_desk_takes_the_room_of_others_for_revocations(tmp_path: Path) -> None:
    door, known = Door(tmp_path), desks()
    library = Library(
        door.desk.state,
        cast("TrustStore", DeskTrust(known.bundle)),
        recorder=DocumentLog(door.desk.log),
        refused=lambda _: None,
        agency=PROVIDER,
    )
    intake = Intake(library, bounds=Bounds(revocations_of_a_desk=3))

    def invented(number: int, until: str = "2099-01-01T00:00:00Z") -> bytes:
        fields = {
            "consent_revocation": f"{number:032x}",
            "agencies": [REQUESTER, PROVIDER],
            "desk": known.other.agency,
            "revoked_at": instant(known.now),
            "valid_until": until,
        }
        return sign_as_desk(rfc8785.dumps(fields), known.other).to_bytes()  # type: ignore[arg-type]

    # One that is of no use any more takes no room.
    assert not intake.take(invented(9, until="2026-01-01T00:00:00Z"))
    for number in range(3):
        assert intake.take(invented(number))
    assert raised(lambda: intake.take(invented(3))).reason is Reason.BUSY
    record = read_record(SignedByOne.parse(by_desk(), WHAT).payload)
    true = revoke_as_desk(record, known.key, revoked_at=instant(known.now)).to_bytes()
    assert intake.take(true)
    for path in (door.desk.state / "consents").iterdir():
        path.unlink()
    library.follow_files()
    assert len(library.shelf.revocations) == 4


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
