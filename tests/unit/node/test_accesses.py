"""Who looked: what is told of a log, to whom, and that nothing else is."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.disclosure import Disclosed, verify_disclosed
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.rights.speaker import OwnKey
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, rights_service_pb2
from node.accesses import find_accesses
from tests.asked_office import (
    ANSWERED,
    DAY,
    NOW,
    SCHOOL,
    SECOND,
    TAX,
    Office,
    open_office,
    written,
)
from tests.consents import DESK, OTHER_PERSON, PERSON, bound, desks, ed25519

SUBJECTS: Final = (SCHOOL, SECOND, TAX)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value.reason


def indices(told: Disclosed) -> list[int]:
    return [look.index for look in told.looks]


def test_each_access_is_told_with_its_proof_and_the_telling_is_logged(office: Office) -> None:
    office.look(SECOND)
    mine = office.look(SCHOOL)
    as_alias = office.look(TAX, SCHOOL, step=2)

    told = office.ask(SCHOOL)

    assert indices(told) == [as_alias, mine]
    look = told.looks[1]
    assert (look.requester, look.purpose, look.case, look.at) == (
        "board.three",
        "review",
        "C-1",
        NOW - DAY,
    )
    (dataset,) = look.datasets
    assert (dataset.released, dataset.withheld, dataset.legal_basis) == (
        ("name",),
        ("phone",),
        "Law 12",
    )
    assert not told.more
    entry = log_pb2.LogEntry.FromString(office.log.entry(told.index))
    assert (entry.kind, entry.requester) == (log_pb2.ENTRY_KIND_DISCLOSURE, DESK)
    assert entry.query_digest == told.request.digest
    assert entry.query_expires_at_unix_ms == told.request.expires_at
    # It stands under the subject's name, and is not told as an access.
    (name,) = office.log.subjects.find(SCHOOL.scheme, SCHOOL.value)
    assert office.log.positions([name], limit=9) == [told.index, as_alias, mine]
    assert indices(office.ask(SCHOOL)) == [as_alias, mine]


def test_what_another_process_has_logged_is_told_as_well(tmp_path: Path) -> None:
    with open_office(tmp_path) as office, open_office(tmp_path) as replica:
        mine = office.look(SCHOOL)
        others = [replica.look(SCHOOL), replica.look(SCHOOL)]
        assert indices(office.ask(SCHOOL)) == [*reversed(others), mine]


def test_nobody_is_told_where_nobody_looked(office: Office) -> None:
    office.look(SECOND)
    told = office.ask(SCHOOL)
    assert (told.looks, told.more) == ((), False)


def test_an_entry_waits_for_the_last_of_its_delays_and_is_left_out_wholly(office: Office) -> None:
    def access(until: int) -> log_pb2.Access:
        return log_pb2.Access(
            outcome=ANSWERED,
            disclosed_from_unix_ms=until,
            delay_basis="Inquiries Act, section 9",
        )

    office.look(SCHOOL, accesses=[access(0), access(NOW + 1000)])
    first = office.look(SCHOOL)

    before = office.ask(SCHOOL, limit=1)
    # Nothing shows that there is more: it is as if the entry were not there.
    assert (indices(before), before.more) == ([first], False)
    after = office.ask(SCHOOL, at=NOW + 1000)
    assert indices(after) == [first, first - 1]
    assert [each.told_from for each in after.looks[1].datasets] == [0, NOW + 1000]


def test_what_was_told_before_a_page_is_told_by_the_next(office: Office) -> None:
    looked = [office.look(SCHOOL) for _ in range(5)]
    first = office.ask(SCHOOL, limit=2)
    assert (indices(first), first.more) == (looked[:2:-1], True)
    rest = office.ask(SCHOOL, before=looked[3])
    assert (indices(rest), rest.more) == (looked[2::-1], False)
    assert office.ask(SCHOOL, before=looked[0]).looks == ()
    assert indices(office.ask(SCHOOL, before=10**9)) == looked[::-1]


def test_large_entries_come_in_several_pages(office: Office) -> None:
    looked = [office.look(SCHOOL, case_reference="x" * 60_000) for _ in range(18)]
    first = office.ask(SCHOOL)
    assert (indices(first), first.more) == (looked[:1:-1], True)


def test_after_the_keys_are_erased_nothing_is_found(office: Office) -> None:
    office.look(SCHOOL)
    assert office.log.subjects.erase(SCHOOL.scheme, SCHOOL.value) == 1
    assert office.ask(SCHOOL).looks == ()


def test_a_request_is_answered_once_and_a_failed_one_may_come_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.look(SCHOOL)
    request = written(SCHOOL).to_bytes()
    with monkeypatch.context() as patch:
        full = refuse(Reason.LOG_UNAVAILABLE, "no space")
        patch.setattr(office.log, "append_about", lambda *_: (_ for _ in ()).throw(full))
        assert refusal(lambda: office.accesses.list(request, NOW)) is Reason.LOG_UNAVAILABLE
    size = office.log.size
    assert len(office.accesses.list(request, NOW).entries) == 1
    assert refusal(lambda: office.accesses.list(request, NOW)) is Reason.REPLAYED_QUERY
    assert office.log.size == size + 1


def test_the_person_s_own_key_is_told_of_that_person_alone(office: Office) -> None:
    mine = office.look(PERSON.subject, subject_kind=2)
    office.look(OTHER_PERSON.subject, subject_kind=2)
    key = ed25519()
    voice = OwnKey(key, bound(key))

    told = office.ask(PERSON.subject, voice=voice)

    assert indices(told) == [mine]
    assert told.request.speaker.signer == key.public.thumbprint
    stranger = written(OTHER_PERSON.subject, voice=voice).to_bytes()
    assert refusal(lambda: office.accesses.list(stranger, NOW)) is Reason.NOT_THE_SUBJECT


PASSPORT: Final = SubjectId("passport", "k1")


@pytest.mark.parametrize(
    ("subjects", "more", "reason"),
    [
        ((PERSON.subject, OTHER_PERSON.subject), {}, Reason.BULK_REFUSED),
        ((PERSON.subject, SCHOOL), {}, Reason.MALFORMED_CASE),
        ((SubjectId("scool", "1"),), {}, Reason.UNKNOWN_SCHEME),
        ((SubjectId("school", "ABC"),), {}, Reason.MALFORMED_CASE),
        ((SCHOOL,), {"agency": "schools.two"}, Reason.MALFORMED_REQUEST),
        ((SCHOOL,), {"at": NOW - 10 * 60_000}, Reason.STALE_QUERY),
        ((SCHOOL,), {"at": NOW + 60_000}, Reason.STALE_QUERY),
        ((SCHOOL,), {"voice": SigningKey.generate(DESK, KeyUse.CONSENT)}, Reason.UNTRUSTED_KEY),
        ((SCHOOL,), {"voice": desks().other}, Reason.NOT_THE_SUBJECT),
    ],
)
def test_who_may_not_ask_so_is_refused_and_nothing_is_logged(
    office: Office, subjects: tuple[SubjectId, ...], more: dict[str, Any], reason: Reason
) -> None:
    office.desks = frozenset({DESK})
    request = written(*subjects, **more).to_bytes()
    assert refusal(lambda: office.accesses.list(request, NOW)) is reason
    assert office.log.size == 0
    assert not office.admitted


@pytest.mark.parametrize("document", [b"", b"{}", b"x" * 20_000, b"[" * 15_000])
def test_what_is_no_request_is_refused(office: Office, document: bytes) -> None:
    assert refusal(lambda: office.accesses.list(document, NOW)) is Reason.MALFORMED_CASE


def test_identifiers_of_one_person_in_several_schemes_are_one_request(office: Office) -> None:
    by_passport, by_number = office.look(PASSPORT), office.look(PERSON.subject)
    assert indices(office.ask(PERSON.subject, PASSPORT)) == [by_number, by_passport]


SPOILING: Final[dict[str, Callable[[rights_service_pb2.ListAccessesResponse], object]]] = {
    "an entry left out": lambda one: one.entries.pop(),
    "an entry twice": lambda one: one.entries.append(one.entries[0]),
    "another order": lambda one: one.entries.reverse(),
    "no more": lambda one: setattr(one, "more", not one.more),
    "another place": lambda one: setattr(one.entries[0], "index", one.entries[0].index - 1),
    "another requester": lambda one: setattr(
        one.entries[0], "entry", one.entries[0].entry.replace(b"board.three", b"board.other")
    ),
    "a shorter path": lambda one: one.entries[0].path.pop(),
    "another head": lambda one: setattr(one, "checkpoint", one.checkpoint.replace(b"\n", b" ", 1)),
    "no disclosure": lambda one: one.ClearField("logged"),
    "an altered disclosure": lambda one: setattr(
        one.logged, "entry", one.logged.entry.replace(DESK.encode(), b"board.three"[: len(DESK)])
    ),
}


@pytest.mark.parametrize("name", SPOILING)
def test_what_was_altered_on_the_way_is_not_believed(office: Office, name: str) -> None:
    for _ in range(3):
        office.look(SCHOOL)
    request = written(SCHOOL, limit=2).to_bytes()
    response = office.accesses.list(request, NOW)
    verify_disclosed(request, response, desks().bundle)
    SPOILING[name](response)
    with pytest.raises(LandbridgeError) as caught:
        verify_disclosed(request, response, desks().bundle)
    assert caught.value.reason in {Reason.BAD_LOG_EVIDENCE, Reason.BAD_SIGNATURE}


def test_an_answer_to_another_request_is_not_believed(office: Office) -> None:
    mine, other = written(SCHOOL).to_bytes(), written(SCHOOL).to_bytes()
    response = office.accesses.list(mine, NOW)
    assert (
        refusal(lambda: verify_disclosed(other, response, desks().bundle))
        is Reason.BAD_LOG_EVIDENCE
    )


MONTH: Final = 31 * DAY
KINDS: Final = (
    log_pb2.ENTRY_KIND_ANSWER,
    log_pb2.ENTRY_KIND_ANSWER,
    log_pb2.ENTRY_KIND_ANSWER,
    log_pb2.ENTRY_KIND_CASE,
)
ENTRIES: Final = st.lists(
    st.tuples(
        st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=2, unique=True),
        st.sampled_from(KINDS),
        st.sampled_from([0, 1, 3]),
        st.sampled_from([0, 0, NOW - 1, NOW, NOW + 1]),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    entries=ENTRIES,
    asked=st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=2, unique=True),
    limit=st.integers(1, 4),
)
def test_a_subject_is_told_of_all_its_own_accesses_and_of_nobody_else_s(
    entries: Sequence[tuple[list[SubjectId], int, int, int]], asked: list[SubjectId], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, open_office(Path(folder)) as office:
        expected = []
        for subjects, kind, months, told_from in entries:
            accesses = [log_pb2.Access(outcome=ANSWERED, disclosed_from_unix_ms=told_from)]
            at = NOW - months * MONTH
            index = office.look(*subjects, at=at, kind=kind, accesses=accesses)
            mine = not set(subjects).isdisjoint(asked)
            if mine and kind == log_pb2.ENTRY_KIND_ANSWER and told_from <= NOW:
                expected.append(index)
        found, before, more = [], None, True
        while more:
            told = office.ask(*asked, limit=limit, before=before)
            found += indices(told)
            more, before = told.more, found[-1] if found else None
            assert len(told.looks) == limit or not more
        whole = find_accesses(office.log, asked, at=NOW)
    assert found == expected[::-1] == [index for index, _ in whole.entries]
