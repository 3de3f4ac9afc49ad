"""Since when a party has known what: across restarts, crashes at every point, and lost files."""

import json
from pathlib import Path

import pytest

from landbridge.clock import system_clock, to_iso
from landbridge.commands.main import run
from landbridge.errors import Reason, refuse
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.known import known_at
from landbridge.memorandum.signature import SignedForm
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.subject import SubjectKind
from tests.libraries import PartyDesk, memorandum
from tests.pki import BOARD, REGISTRY

PAIR = memorandum()
SECOND = memorandum("second")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = system_clock()

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> PartyDesk:
    return PartyDesk(tmp_path, clock=clock)


def names(state: Path, at: int) -> list[str]:
    return [text.id for text in known_at(state, at).memoranda]


def test_what_counted_is_told_for_every_past_moment(desk: PartyDesk, clock: Clock) -> None:
    path = desk.put("pair", desk.form(PAIR))
    library = desk.library()
    start = clock.now
    clock.now += 1000
    desk.put("second", desk.form(SECOND))
    desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    library.follow_files()
    clock.now += 1000
    path.unlink()
    library.follow_files()
    assert names(desk.state, start - 1) == []
    assert names(desk.state, start) == ["pair"]
    assert known_at(desk.state, start).notices == ()
    middle = known_at(desk.state, start + 1000)
    assert [text.id for text in middle.memoranda] == ["pair", "second"]
    assert [notice.memorandum for notice in middle.notices] == ["pair"]
    assert names(desk.state, clock.now) == ["second"]
    # A notice whose memorandum is gone no longer counts either.
    assert known_at(desk.state, clock.now).notices == ()


def test_each_time_is_proven_by_an_entry_of_the_log(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.library()
    entry = known_at(desk.state, clock.now).entries[PAIR.digest]
    assert (entry.entry, entry.at) == (0, clock.now)
    assert entry.change.digest == digest_of(
        (desk.state / "memoranda" / "pair.jws.json").read_bytes()
    )
    assert bytes.fromhex(entry.change.digest) in desk.log.entry(0)


def test_a_restart_and_another_spacing_change_nothing(desk: PartyDesk, clock: Clock) -> None:
    path = desk.put("pair", desk.form(PAIR))
    desk.library()
    clock.now += 1000
    path.write_bytes(SignedForm.parse(path.read_bytes()).canonical().to_bytes() + b"\n\n")
    desk.library()
    assert desk.logged() == [("pair", False)]
    assert names(desk.state, clock.now - 1) == ["pair"]


def test_a_past_decision_is_made_again_by_what_was_known_then(
    desk: PartyDesk, clock: Clock
) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    before = clock.now
    clock.now += 1000
    # It holds from long ago, but nobody could know.
    desk.put("stop", desk.notice(PAIR, "terminate", REGISTRY), Kind.NOTICE)
    library.follow_files()
    request = AccessRequest(
        REGISTRY, "pair", BOARD, "why", SubjectKind.LEGAL_ENTITY, ("f",), before
    )
    then, now = known_at(desk.state, before), known_at(desk.state, clock.now)
    assert authorize(Policy(then.memoranda, then.notices), request).allowances
    refused = authorize(Policy(now.memoranda, now.notices), request).refusals
    assert [refusal.reason for refusal in refused] == [Reason.NOT_IN_FORCE]


def test_what_a_party_could_not_do_is_known_as_that(desk: PartyDesk, clock: Clock) -> None:
    def accept(_: object) -> None:
        raise refuse(Reason.INVALID_CONFIGURATION, "no such dataset")

    desk.put("pair", desk.form(PAIR))
    desk.library(accept=accept)
    known = known_at(desk.state, clock.now)
    request = AccessRequest(
        REGISTRY, "pair", BOARD, "why", SubjectKind.LEGAL_ENTITY, ("f",), clock.now
    )
    assert not authorize(Policy(known.memoranda, known.notices), request).allowances


@pytest.mark.parametrize("then", [[], ["--known", "{now}"]])
def test_commands_say_what_a_party_cannot_keep_and_blame_nobody(
    desk: PartyDesk, clock: Clock, capsys: pytest.CaptureFixture[str], then: list[str]
) -> None:
    def accept(_: object) -> None:
        raise refuse(Reason.INVALID_CONFIGURATION, "no such dataset")

    desk.put("pair", desk.form(PAIR))
    desk.library(accept=accept)
    words = [word.format(now=to_iso(clock.now)) for word in then]
    assert run(["memo", "status", "--state", str(desk.state), *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "pair refused" in said
    assert "grants nothing here: the node cannot do exactly what it says" in said
    assert "terminate" not in said


def test_a_clock_that_is_set_back_never_turns_the_order_round(
    desk: PartyDesk, clock: Clock
) -> None:
    path = desk.put("pair", desk.form(PAIR))
    library = desk.library()
    clock.now -= 60_000
    path.unlink()
    library.follow_files()
    assert names(desk.state, clock.now + 120_000) == []


def test_a_folder_without_history_knew_nothing(desk: PartyDesk, clock: Clock) -> None:
    assert known_at(desk.state, clock.now).memoranda == ()


def test_the_index_is_one_json_object_a_line(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.library()
    lines = (desk.state / "known" / "index.jsonl").read_text().splitlines()
    announced, logged = (json.loads(line) for line in lines[-2:])
    assert announced == {"announced": 0}
    (last,) = logged["logged"]
    assert (last["at"], last["entry"], last["subject"]) == (clock.now, 0, "pair")
