"""What the gateway logs of each source: names and counts, and of sealed answers no counts."""

from dataclasses import replace

import pytest

from gateway.entry_room import bytes_of, check_room
from gateway.trace import accesses
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError
from landbridge.reasons import Reason
from landbridge.sealed_answer import seal_answer
from landbridge.sealing import SealingKey
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2, query_pb2
from tests.small_town import SUBJECT, answered, column, heading, record, text


def answer() -> answer_pb2.Answer:
    extracts = [
        answer_pb2.Extract(
            memorandum="m-1",
            clause=clause,
            heading=heading(column(field)),
            records=[record("r-1", SUBJECT, [text("x")])],
        )
        for clause, field in (("1", "name"), ("2", "city"))
    ]
    companies = answered("companies", extracts)
    companies.refusals.add(field="owner", reason=Reason.FIELD_NOT_COVERED.value)
    return answer_pb2.Answer(
        agency="registry",
        step=query_pb2.STEP_COLLECT,
        datasets=[
            companies,
            answer_pb2.DatasetAnswer(dataset="fines", outcome=Reason.NO_RECORD.value),
        ],
    )


def logged(message: answer_pb2.Answer) -> list[log_pb2.Access]:
    return read(accesses([verified(message)], ()))


def verified(message: answer_pb2.Answer) -> VerifiedAnswer:
    return VerifiedAnswer.of(envelope_pb2.Envelope(), message)


def read(written: list[bytes]) -> list[log_pb2.Access]:
    return list(log_pb2.LogEntry.FromString(b"".join(written)).accesses)


def sealed(*memoranda: str) -> answer_pb2.Answer:
    key = SealingKey.generate()
    return seal_answer(answer(), seal_to=key.public, requester="board", memoranda=memoranda)


def test_each_clause_has_an_entry_and_refused_fields_stand_once() -> None:
    found = [
        (a.dataset, a.clause, list(a.released), list(a.refused), a.records)
        for a in logged(answer())
    ]
    assert found == [
        ("companies", "1", ["name"], ["owner"], 1),
        ("companies", "2", ["city"], [], 1),
        ("fines", "", [], [], 0),
    ]


def test_of_sealed_answers_there_are_names_alone() -> None:
    for entry, dataset in zip(logged(sealed("m-1")), ("companies", "fines"), strict=True):
        assert entry == log_pb2.Access(
            agency="registry", dataset=dataset, outcome=Reason.SEALED.value, memorandum="m-1"
        )


def test_of_several_memoranda_none_is_named() -> None:
    assert {entry.memorandum for entry in logged(sealed("m-1", "m-2"))} == {""}
    assert {entry.memorandum for entry in logged(sealed())} == {""}


def test_what_the_gateway_decided_is_logged_with_its_clause() -> None:
    source = profile_pb2.Source(
        agency="court",
        dataset="debts",
        outcome=Reason.NOT_COVERED.value,
        memorandum="m-3",
        clause="4",
    )
    (entry,) = read(accesses([], [source]))
    assert (entry.memorandum, entry.clause, entry.outcome) == ("m-3", "4", Reason.NOT_COVERED)


def test_an_answer_to_resolving_may_not_take_the_room_of_others() -> None:
    message = answer()
    message.step = query_pb2.STEP_RESOLVE
    names = verified(message)
    assert check_room(names) is names
    refusals = [answer_pb2.Refusal(field=f"{number:04}{'x' * 200}") for number in range(20)]
    message.datasets[0].refusals.extend(refusals)
    names = verified(message)
    with pytest.raises(LandbridgeError) as caught:
        check_room(names)
    assert caught.value.reason is Reason.OVERSIZED_ANSWER
    # It goes to other nodes as a proof, in one message with others.
    del message.datasets[0].refusals[:]
    long = replace(verified(message), data=bytes(1 << 20))
    assert check_room(long) is long
    with pytest.raises(LandbridgeError) as caught:
        check_room(replace(long, data=bytes((1 << 20) + 1)))
    assert caught.value.reason is Reason.OVERSIZED_ANSWER
    # What is collected may be as large as there is room.
    message.datasets[0].refusals.extend(refusals)
    message.step = query_pb2.STEP_COLLECT
    names = replace(verified(message), data=bytes((1 << 20) + 1))
    assert check_room(names) is names
    assert bytes_of(names) > 4096
