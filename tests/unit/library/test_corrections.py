"""Correction notices and acknowledgements in a library: they count, stay and are bounded."""

from pathlib import Path

import pytest

from landbridge.errors import Reason
from landbridge.library.intake import Bounds, Intake
from landbridge.library.kinds import Kind
from landbridge.library.store import Library
from landbridge.rights.acknowledgement import acknowledge
from landbridge.rights.correction import verify_correction
from tests.bundles import bundle
from tests.corrections import QUERY, instant, key, notices, now, refused
from tests.libraries import PartyDesk
from tests.pki import BOARD, REGISTRY, SCHOOLS


@pytest.fixture
def desk(tmp_path: Path) -> PartyDesk:
    return PartyDesk(tmp_path)


def notice(entry: int = 7) -> bytes:
    (signed,) = notices([(entry, QUERY)])
    return signed.to_bytes()


def receipt(of: bytes, second: int = 0) -> bytes:
    read = verify_correction(of, bundle(), now())
    return acknowledge(read, key(BOARD), acknowledged_at=instant(now() + 1000 * second)).to_bytes()


def held(library: Library) -> tuple[int, int]:
    return len(library.shelf.corrections), len(library.shelf.acknowledgements)


def test_a_notice_counts_and_concerns_provider_and_recipient(desk: PartyDesk) -> None:
    library = desk.library()
    intake = Intake(library)
    assert intake.take(notice())
    assert not intake.take(notice())
    assert intake.take(receipt(notice()))
    assert held(library) == (1, 1)
    for found in library.shelf.shown.values():
        assert library.shelf.concerned(found) == {REGISTRY, BOARD}
    (read,) = library.shelf.corrections
    assert desk.logged() == [(read.id, False), (read.id, False)]
    assert sorted(path.parent.name for path in desk.state.rglob(f"{read.id}*")) == [
        "acknowledgements",
        "corrections",
    ]


def test_an_acknowledgement_waits_for_its_notice(desk: PartyDesk) -> None:
    library = desk.library()
    with refused(Reason.MALFORMED_CASE):
        Intake(library).take(receipt(notice()))
    desk.put("receipt", receipt(notice()), Kind.ACKNOWLEDGEMENT)
    library.follow_files()
    assert held(library) == (0, 0)
    desk.put("notice", notice(), Kind.CORRECTION)
    library.follow_files()
    assert held(library) == (1, 1)


def test_what_was_corrected_stays_so_when_its_file_is_gone(desk: PartyDesk) -> None:
    library = desk.library()
    for kind, document in (
        (Kind.CORRECTION, notice()),
        (Kind.ACKNOWLEDGEMENT, receipt(notice())),
    ):
        desk.put("one", document, kind)
    library.follow_files()
    for path in desk.state.rglob("one.jws.json"):
        path.unlink()
    library.follow_files()
    assert held(library) == (1, 1)
    assert held(desk.library()) == (1, 1)


def test_nobody_takes_a_notice_to_others_and_none_without_bound(desk: PartyDesk) -> None:
    with refused(Reason.SIGNERS_NOT_PARTIES):
        Intake(desk.library(agency=SCHOOLS)).take(notice())
    bounds = Bounds(corrections_of_an_agency=2, acknowledgements_of_a_notice=1)
    intake = Intake(desk.library(agency=""), bounds=bounds)
    for entry in (1, 2):
        assert intake.take(notice(entry))
    with refused(Reason.BUSY):
        intake.take(notice(3))
    assert intake.take(receipt(notice(1)))
    assert intake.take(receipt(notice(2)))
    with refused(Reason.BUSY):
        intake.take(receipt(notice(1), second=1))
