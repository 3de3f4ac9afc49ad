"""How memoranda follow one another and what notices stop."""

import pytest

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, NoticeKind, Settled, settle
from landbridge.memorandum.stage import Stage, stage_of, stopped_clauses
from landbridge.memorandum.words import read_instant
from tests.memoranda import make_memorandum

PARTIES = ("p.a", "p.b", "r.a", "r.b")
GRANTS = (
    {"clause": "1", "requesters": ["r.a", "r.b"]},
    {"clause": "2", "requesters": ["r.a"]},
    {"clause": "3", "provider": "p.b"},
)


def day(text: str) -> int:
    return read_instant(f"{text}T00:00:00Z")


def text(
    name: str,
    start: str = "2026-01-01",
    end: str = "2027-01-01",
    amends: str = "",
    parties: tuple[str, ...] = PARTIES,
) -> Memorandum:
    valid = (f"{start}T00:00:00Z", f"{end}T00:00:00Z")
    return make_memorandum(GRANTS, name=name, parties=parties, valid=valid, amends=amends)


OLD = text("old")
OTHERS = make_memorandum([{}], name="evil", parties=("p.a", "r.a"), amends="old")


def notice(
    kind: str, *signers: str, since: str = "2026-03-01", clauses: tuple[str, ...] = ()
) -> Notice:
    return Notice(
        f"{kind}{signers}{since}{clauses}",
        "old",
        OLD.digest,
        NoticeKind(kind),
        frozenset(signers),
        day(since),
        "why",
        frozenset(clauses),
    )


def spans(
    settled: Settled, number: int = 0, requester: str = "r.a", memorandum: Memorandum = OLD
) -> list[tuple[int, int]]:
    return list(settled.spans(memorandum, memorandum.grants[number], requester))


WHOLE = [(day("2026-01-01"), day("2027-01-01"))]
UNTIL_MARCH = [(day("2026-01-01"), day("2026-03-01"))]


def test_a_successor_takes_over_at_its_first_instant() -> None:
    new = text("new", "2026-06-01", "2028-01-01", "old")
    settled = settle([new, OLD])
    assert not settled.refused
    assert spans(settled) == [(day("2026-01-01"), day("2026-06-01"))]
    assert spans(settled, memorandum=new) == [(day("2026-06-01"), day("2028-01-01"))]


def test_a_chain_of_successors() -> None:
    texts = [OLD, text("b", "2026-04-01", amends="old"), text("c", "2026-08-01", amends="b")]
    settled = settle(texts)
    starts = [spans(settled, memorandum=one)[0] for one in texts]
    assert starts == [
        (day("2026-01-01"), day("2026-04-01")),
        (day("2026-04-01"), day("2026-08-01")),
        (day("2026-08-01"), day("2027-01-01")),
    ]


@pytest.mark.parametrize(
    ("others", "refused", "why"),
    [
        (
            [text("x", "2026-06-01", amends="old"), text("y", "2026-07-01", amends="old")],
            {"x", "y"},
            "amended by",
        ),
        ([text("x", "2025-06-01", amends="old")], {"x"}, "begins before"),
        ([text("x", "2027-06-01", "2028-01-01", "old")], {"x"}, "leaves a gap"),
        (
            [text("x", "2026-06-01", amends="y"), text("y", "2026-06-01", amends="x")],
            {"x", "y"},
            "circle",
        ),
    ],
)
def test_a_muddle_grants_nothing_and_ends_what_it_amends(
    others: list[Memorandum], refused: set[str], why: str
) -> None:
    settled = settle([OLD, *others])
    assert set(settled.refused) == refused
    assert all(why in reason for reason in settled.refused.values())
    assert [one.id for one in settled.memoranda] == ["old"]
    for other in others:
        if other.amends == "old":
            end = min(one.valid.start for one in others)
            assert all(
                until <= max(end, OLD.valid.start) or end > OLD.valid.end
                for _, until in spans(settled)
            )


def test_strangers_cannot_end_the_agreement_of_others() -> None:
    settled = settle([OLD, OTHERS])
    assert "p.b, r.b, of old, is no party" in settled.refused["evil"]
    assert spans(settled) == WHOLE
    # Nor stand in the way of the true successor.
    new = text("new", "2026-06-01", amends="old")
    settled = settle([OLD, OTHERS, new])
    assert set(settled.refused) == {"evil"}
    assert spans(settled, memorandum=new)


def test_amending_what_is_not_here_is_no_trouble() -> None:
    assert not settle([text("x", amends="elsewhere")]).refused


def test_a_chain_of_a_thousand_is_settled() -> None:
    texts = [text("m0")]
    texts += [text(f"m{number}", amends=f"m{number - 1}") for number in range(1, 300)]
    assert not settle(texts).refused


@pytest.mark.parametrize(
    ("signers", "stopped"),
    [
        (("p.a",), {(0, "r.a"), (0, "r.b"), (1, "r.a")}),
        (("p.b",), {(2, "r.a")}),
        (("r.a",), {(0, "r.a"), (1, "r.a"), (2, "r.a")}),
        (("r.b",), {(0, "r.b")}),
        (PARTIES, {(0, "r.a"), (0, "r.b"), (1, "r.a"), (2, "r.a")}),
    ],
)
def test_a_notice_stops_the_part_of_those_who_sign(
    signers: tuple[str, ...], stopped: set[tuple[int, str]]
) -> None:
    settled = settle([OLD], [notice("suspend", *signers)])
    found = {
        (number, requester)
        for number, grant in enumerate(OLD.grants)
        for requester in grant.requesters
        if spans(settled, number, requester) == UNTIL_MARCH
    }
    assert found == stopped


def test_a_notice_on_a_clause_leaves_the_others() -> None:
    settled = settle([OLD], [notice("suspend", "p.a", clauses=("2",))])
    assert spans(settled, 0) == WHOLE
    assert spans(settled, 1) == UNTIL_MARCH


def test_suspended_and_resumed() -> None:
    settled = settle([OLD], [notice("resume", "p.a", since="2026-05-01"), notice("suspend", "p.a")])
    assert spans(settled) == [*UNTIL_MARCH, (day("2026-05-01"), day("2027-01-01"))]


def test_only_who_suspended_can_resume() -> None:
    settled = settle([OLD], [notice("suspend", "p.a"), notice("resume", "r.a", since="2026-05-01")])
    assert spans(settled) == UNTIL_MARCH


def test_of_two_notices_of_one_instant_what_stops_counts() -> None:
    settled = settle([OLD], [notice("suspend", "p.a"), notice("resume", "p.a")])
    assert spans(settled) == UNTIL_MARCH


def test_what_is_terminated_is_not_resumed() -> None:
    settled = settle(
        [OLD], [notice("terminate", "p.a"), notice("resume", "p.a", since="2026-05-01")]
    )
    assert spans(settled) == UNTIL_MARCH


def test_a_notice_on_another_text_is_none() -> None:
    other = Notice("1", "old", "00" * 32, NoticeKind.SUSPEND, frozenset({"p.a"}), 0, "why")
    assert spans(settle([OLD], [other])) == WHOLE


@pytest.mark.parametrize(
    ("notices", "at", "stage"),
    [
        ([], "2025-12-31", Stage.AGREED),
        ([], "2026-01-01", Stage.IN_FORCE),
        ([], "2027-01-01", Stage.LAPSED),
        ([notice("suspend", *PARTIES)], "2026-02-28", Stage.IN_FORCE),
        ([notice("suspend", *PARTIES)], "2026-03-01", Stage.SUSPENDED),
        ([notice("suspend", "p.a")], "2026-03-01", Stage.IN_FORCE),
        ([notice("suspend", "p.a"), notice("terminate", "p.b")], "2026-04-01", Stage.TERMINATED),
        ([notice("terminate", *PARTIES)], "2026-04-01", Stage.TERMINATED),
        ([notice("terminate", *PARTIES)], "2027-01-01", Stage.LAPSED),
    ],
)
def test_stages_of_a_life(notices: list[Notice], at: str, stage: Stage) -> None:
    assert stage_of(OLD, settle([OLD], notices), day(at)) is stage


def test_amended_and_refused() -> None:
    new = text("new", "2026-06-01", amends="old")
    settled = settle([OLD, new, text("orphan", "2027-06-01", "2028-01-01", "new")])
    assert stage_of(OLD, settled, day("2026-05-31")) is Stage.IN_FORCE
    assert stage_of(OLD, settled, day("2026-06-01")) is Stage.AMENDED
    assert stage_of(text("orphan", "2027-06-01", "2028-01-01", "new"), settled, 0) is Stage.REFUSED


def test_stopped_clauses_are_named() -> None:
    settled = settle([OLD], [notice("suspend", "p.a", clauses=("1", "3"))])
    assert stopped_clauses(OLD, settled, day("2026-02-01")) == ()
    assert stopped_clauses(OLD, settled, day("2026-04-01")) == ("1",)
