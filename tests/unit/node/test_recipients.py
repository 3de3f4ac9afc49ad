"""Who received what was wrong: exactly those whom the log shows to have been given it."""

from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.keys import KeyUse
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, reason_pb2
from node.recipients import Received, Sought, find_recipients
from tests.corrections import LOG, key
from tests.pki import BOARD, COUNCIL, REGISTRY

SCHOOL: Final = SubjectId("school", "100724")
CODE: Final = SubjectId("ope", "00123400")
OTHER: Final = SubjectId("school", "100725")
ANSWERED: Final = reason_pb2.REASON_CODE_ANSWERED
SEALED: Final = reason_pb2.REASON_CODE_SEALED
NO_RECORD: Final = reason_pb2.REASON_CODE_NO_RECORD
PUBLISHED: Final = frozenset({"status", "name", "city"})
START: Final = 1_800_000_000_000
PREDICATES: Final = {("m", "2", "closed"): frozenset({"status"})}


def fields_of(memorandum: str, clause: str, name: str) -> frozenset[str] | None:
    return PREDICATES.get((memorandum, clause, name))


class Registry:
    """A node's log."""

    def __init__(self, folder: Path) -> None:
        self.log = LogStore.open(
            folder / "log.sqlite", LOG, key(REGISTRY, KeyUse.LOG), look_up_key=bytes(32)
        )
        self.at = START

    def answer(  # noqa: PLR0913
        self,
        *released: str,
        to: str = BOARD,
        on: SubjectId = SCHOOL,
        alias: SubjectId | None = None,
        outcome: Any = ANSWERED,
        records: int = 1,
        dataset: str = "schools",
        kind: Any = log_pb2.ENTRY_KIND_ANSWER,
        told_from: int = 0,
    ) -> int:
        """Log an answer; return its entry."""
        self.at += 1000
        subjects = [on, alias] if alias else [on]
        entry = log_pb2.LogEntry(
            kind=kind,
            logged_at_unix_ms=self.at,
            query_digest=bytes(31) + bytes([self.log.size]),
            requester=to,
            accesses=[
                log_pb2.Access(
                    dataset=dataset,
                    outcome=outcome,
                    memorandum="m",
                    clause="2",
                    released=released,
                    records=records,
                    disclosed_from_unix_ms=told_from,
                )
            ],
        )

        def write(named: list[list[Pseudonym]]) -> list[bytes]:
            entry.subject_pseudonym = named[0][0].value
            return [entry.SerializeToString()]

        about = [(one.scheme, one.value, self.at) for one in subjects]
        (evidence,) = self.log.append_about([about], write)
        return evidence.index

    def found(self, *fields: str, since: int = 0, until: int = START * 2) -> dict[str, Received]:
        sought = Sought("schools", frozenset(fields), PUBLISHED, since, until)
        return find_recipients(self.log, {SCHOOL, CODE}, sought, fields_of)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def test_each_answer_that_held_the_field_is_found_by_any_identifier(registry: Registry) -> None:
    first = registry.answer("status", "name")
    registry.answer("name")
    second = registry.answer("status", on=CODE, to=COUNCIL)
    third = registry.answer("status", on=OTHER, alias=SCHOOL)
    registry.answer("status", on=OTHER)
    found = registry.found("status")
    assert {agency: [entry for entry, _ in one.answers] for agency, one in found.items()} == {
        BOARD: [first, third],
        COUNCIL: [second],
    }
    assert found[BOARD].fields == {"status"}
    assert found[BOARD].since == START + 1000
    assert found[BOARD].answers[0][1] == (bytes(31) + bytes([first])).hex()


def test_from_when_the_subject_may_know_of_a_recipient_is_found_with_it(registry: Registry) -> None:
    for agency, told_from in ((BOARD, 0), (COUNCIL, START * 3), (COUNCIL, START * 2)):
        registry.answer("status", to=agency, told_from=told_from)
    found = registry.found("status")
    assert {agency: one.told_from for agency, one in found.items()} == {
        BOARD: 0,
        COUNCIL: START * 3,
    }


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"outcome": SEALED, "records": 0}, {"status"}),
        ({"outcome": NO_RECORD, "records": 0}, set()),
        ({"records": 0}, set()),
        ({"dataset": "others"}, set()),
        ({"kind": log_pb2.ENTRY_KIND_DISCLOSURE}, set()),
    ],
)
def test_only_what_was_released_counts(
    registry: Registry, given: dict[str, Any], fields: set[str]
) -> None:
    registry.answer("status", **given)
    assert registry.found("status").get(BOARD, Received()).fields == fields


@pytest.mark.parametrize(
    ("released", "sought", "fields"),
    [
        ("closed", ("status",), {"status"}),
        ("closed", ("city",), set()),
        ("unknown-question", ("city",), {"city"}),
        ("name", (), {"name"}),
        ("closed", (), {"status"}),
    ],
)
def test_answers_yes_or_no_count_by_what_they_compare(
    registry: Registry, released: str, sought: tuple[str, ...], fields: set[str]
) -> None:
    registry.answer(released)
    assert registry.found(*sought).get(BOARD, Received()).fields == fields


def test_only_the_time_in_which_it_was_wrong_counts(registry: Registry) -> None:
    registry.answer("status")
    middle = registry.answer("status")
    registry.answer("status")
    found = registry.found("status", since=START + 2000, until=START + 3000)
    assert [entry for entry, _ in found[BOARD].answers] == [middle]


def test_whose_keys_were_erased_nobody_finds(registry: Registry) -> None:
    registry.answer("status")
    registry.log.subjects.erase(SCHOOL.scheme, SCHOOL.value)
    assert registry.found("status") == {}
