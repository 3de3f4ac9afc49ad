"""A library follows its folder and the trust: what counts, what is refused, what is logged."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Shelf
from landbridge.library.store import Library, read_shelf
from landbridge.log.evidence import Evidence
from landbridge.log.store import LogStore
from landbridge.memorandum.document import Memorandum
from tests.libraries import PartyDesk, ids, memorandum
from tests.pki import BOARD, COUNCIL, REGISTRY

PAIR = memorandum()
THREE = memorandum("three", (REGISTRY, BOARD, COUNCIL))
OTHERS = memorandum("others", (BOARD, COUNCIL, "schools.two"))


@pytest.fixture
def desk(tmp_path: Path) -> PartyDesk:
    return PartyDesk(tmp_path)


def follow(library: Library) -> bool:
    return library.follow_files()


def test_what_all_parties_signed_counts_and_is_logged(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    assert ids(library) == ["pair"]
    assert desk.logged() == [("pair", False)]
    assert not follow(library)
    assert desk.refused == []


def test_files_that_come_and_go_are_followed(desk: PartyDesk) -> None:
    library = desk.library()
    assert ids(library) == []
    path = desk.put("pair", desk.form(PAIR))
    desk.put("three", desk.form(THREE))
    assert follow(library)
    assert ids(library) == ["pair", "three"]
    path.unlink()
    assert follow(library)
    assert ids(library) == ["three"]
    assert desk.logged() == [("pair", False), ("three", False), ("pair", True)]


def test_a_form_that_some_signed_is_an_offer_and_not_logged(desk: PartyDesk) -> None:
    desk.put("three", desk.form(THREE, BOARD))
    library = desk.library()
    ((offered,), counting) = library.shelf.offers, library.shelf.counting
    assert (offered.memorandum, offered.missing) == (THREE, (REGISTRY, COUNCIL))
    assert not counting
    assert desk.logged() == []


def test_signatures_of_one_text_are_put_together_wherever_they_lie(desk: PartyDesk) -> None:
    desk.put("a", desk.form(THREE, BOARD, COUNCIL))
    desk.put("b", desk.form(THREE, REGISTRY))
    library = desk.library()
    assert ids(library) == ["three"]
    assert library.shelf.offers == ()


def test_copies_are_one_document(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.put("copy", desk.form(PAIR, BOARD, REGISTRY))
    assert ids(desk.library()) == ["pair"]
    assert desk.logged() == [("pair", False)]
    assert desk.refused == []


def test_of_two_texts_with_one_id_the_one_that_was_there_first_stays(desk: PartyDesk) -> None:
    other = memorandum("pair", title="9")
    desk.put("z", desk.form(PAIR))
    library = desk.library()
    desk.put("a", desk.form(other))
    follow(library)
    assert library.shelf.memoranda == (PAIR,)
    assert desk.refused == [("a", "LB-4101")]
    # Also after a restart, though the other file comes first.
    assert desk.library().shelf.memoranda == (PAIR,)


def test_an_offer_never_stands_in_the_way_of_what_is_agreed(desk: PartyDesk) -> None:
    desk.put("a", desk.form(memorandum("pair", title="9"), BOARD))
    desk.put("b", desk.form(PAIR))
    assert desk.library().shelf.memoranda == (PAIR,)
    assert desk.refused == [("a", "LB-4101")]


def test_a_document_that_does_not_verify_takes_no_other_with_it(desk: PartyDesk) -> None:
    broken = desk.form(THREE).replace(b'"payload": "', b'"payload": "e30')
    desk.put("broken", broken)
    desk.put("junk", b"{")
    desk.put("notice", b"[]", Kind.NOTICE)
    desk.put("pair", desk.form(PAIR))
    assert ids(desk.library()) == ["pair"]
    assert sorted(name for name, _ in desk.refused) == ["broken", "junk", "notice"]


def test_a_refusal_is_told_once(desk: PartyDesk) -> None:
    desk.put("junk", b"{")
    library = desk.library()
    desk.put("pair", desk.form(PAIR))
    follow(library)
    assert desk.refused == [("junk", "LB-4101")]


def test_a_memorandum_of_others_is_refused_by_a_node_and_taken_by_a_gateway(
    desk: PartyDesk,
) -> None:
    desk.put("others", desk.form(OTHERS))
    assert ids(desk.library()) == []
    assert desk.refused == [("others", "LB-4102")]
    assert ids(desk.library(agency="")) == ["others"]


def test_what_a_party_cannot_do_grants_nothing_and_ends_what_it_amends(desk: PartyDesk) -> None:
    def accept(text: Memorandum) -> None:
        if text.amends:
            raise refuse(Reason.INVALID_CONFIGURATION, "the node has no such dataset")

    desk.put("pair", desk.form(PAIR))
    successor = memorandum(
        "pair-2", valid=("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"), amends="pair"
    )
    desk.put("pair-2", desk.form(successor))
    shelf = desk.library(accept=accept).shelf
    spans = {text.id: shelf.settled.spans(text, text.grants[0], BOARD) for text in shelf.memoranda}
    assert spans["pair"][-1][1] == successor.valid.start
    assert spans["pair-2"] == ()
    assert desk.refused == [("pair-2", "LB-1101")]


def test_a_notice_waits_for_its_memorandum(desk: PartyDesk) -> None:
    desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    library = desk.library()
    assert library.shelf.notices == ()
    assert len(library.shelf.waiting) == 1
    desk.put("pair", desk.form(PAIR))
    follow(library)
    assert [notice.memorandum for notice in library.shelf.notices] == ["pair"]
    assert desk.logged() == [("pair", False), ("pair", False)]
    assert desk.refused == []


@pytest.mark.parametrize(
    ("signer", "clauses", "code"), [(COUNCIL, (), "LB-4102"), (REGISTRY, ("9",), "LB-4104")]
)
def test_a_notice_that_does_not_fit_is_refused(
    desk: PartyDesk, signer: str, clauses: tuple[str, ...], code: str
) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.put("stop", desk.notice(PAIR, "suspend", signer, clauses=clauses), Kind.NOTICE)
    assert desk.library().shelf.notices == ()
    assert desk.refused == [("stop", code)]


def test_a_muddle_of_successors_is_told_with_its_code(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    for name in ("pair-2", "pair-3"):
        successor = memorandum(
            name, valid=("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"), amends="pair"
        )
        desk.put(name, desk.form(successor))
    library = desk.library()
    assert set(desk.refused) == {("pair-2", "LB-4103"), ("pair-3", "LB-4103")}
    assert [text.id for text in library.shelf.settled.memoranda] == ["pair"]


def test_texts_of_one_id_stand_side_by_side_where_all_come_together(desk: PartyDesk) -> None:
    squatter = memorandum("pair", (BOARD, COUNCIL))
    desk.put("a", desk.form(squatter))
    desk.put("b", desk.form(PAIR))
    shelf = desk.library(agency="").shelf
    assert {text.parties for text in shelf.memoranda} == {(BOARD, COUNCIL), (REGISTRY, BOARD)}
    # An honest successor follows its own, whoever else has taken the id.
    since = ("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    successor = memorandum("pair-2", valid=since, amends="pair")
    desk.put("c", desk.form(successor))
    shelf = desk.library(agency="").shelf
    ends = {
        text.parties: shelf.settled_of(text).spans(text, text.grants[0], text.parties[1])[0][1]
        for text in (squatter, PAIR)
    }
    assert ends == {
        squatter.parties: squatter.valid.end,
        PAIR.parties: successor.valid.start,
    }
    assert desk.refused == []


def test_a_shelf_of_which_no_policy_can_be_made_is_not_taken_into_use(desk: PartyDesk) -> None:
    library = desk.library()
    before, able = library.shelf, False

    def make(_: Shelf) -> None:
        if not able:
            raise refuse(Reason.MALFORMED_MEMORANDUM, "no policy")

    library.subscribe(make, before=True)
    desk.put("pair", desk.form(PAIR))
    for _ in range(2):
        with pytest.raises(LandbridgeError, match="no policy"):
            follow(library)
        assert library.shelf is before
    able = True
    assert follow(library)
    assert ids(library) == ["pair"]


class FullDisk(LogStore):
    """A log whose disk is full for a while."""

    is_full = True

    def append(self, entries: Sequence[bytes]) -> list[Evidence]:
        if self.is_full:
            raise refuse(Reason.LOG_UNAVAILABLE, "no space left")
        return super().append(entries)


def test_what_cannot_be_logged_grants_nothing_but_a_notice_stops(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    desk.log.__class__ = FullDisk
    desk.put("three", desk.form(THREE))
    desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    for _ in range(2):
        with pytest.raises(LandbridgeError, match="no space"):
            follow(library)
        assert ids(library) == ["pair"]
        assert [notice.kind for notice in library.shelf.notices] == ["suspend"]
    desk.log.__class__ = LogStore
    assert follow(library)
    assert ids(library) == ["pair", "three"]
    assert sorted(desk.logged()) == [("pair", False), ("pair", False), ("three", False)]


def test_a_shelf_is_read_without_writing_anything(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    before = sorted(desk.state.rglob("*"))
    shelf = read_shelf(desk.state, desk.store.current.bundle, at=desk.clock())
    assert shelf.memoranda == (PAIR,)
    assert sorted(desk.state.rglob("*")) == before
    assert desk.log.size == 0
