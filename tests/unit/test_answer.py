"""What a node may sign: every answer that later steps could stumble over is refused before."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from landbridge.agency import Role
from landbridge.answer import check_answer
from landbridge.envelope import QUERY_TYPE, EvidenceVerifier, VerifiedEntry, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.heading import MAX_HEADING_BYTES
from landbridge.log.checkpoint import Checkpoint
from landbridge.profile import profile_document
from landbridge.read_answer import read_answer
from landbridge.sealed_answer import seal_answer
from landbridge.sealing import OVERHEAD_BYTES, SealingKey
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, log_pb2, query_pb2
from landbridge.verification import verify_profile
from node.aliases import AliasProver
from tests.small_town import (
    FEDERATION,
    NAME,
    SUBJECT,
    Town,
    alter_heading,
    answered,
    bakery_answers,
    column,
    heading,
    parsed,
    record,
    text,
)

IDENTIFIER = answer_pb2.VALUE_TYPE_IDENTIFIER
ASKED = b"q" * 32
LIMIT = 500
KEY = SealingKey.generate()

Spoil = Callable[[answer_pb2.Answer], object]


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    path = tmp_path_factory.mktemp("town") / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


def make_answer(
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT, round_: int = 1
) -> answer_pb2.Answer:
    columns = [column("permit", IDENTIFIER, scheme="permit")]
    values = [text("P1")]
    if step == query_pb2.STEP_COLLECT:
        columns += [column("name", term="name"), column("since", answer_pb2.VALUE_TYPE_DATE)]
        values += [text("Bakery"), answer_pb2.Value(list={"items": [text("a"), text("b")]})]
    extract = answer_pb2.Extract(
        memorandum="m-1",
        clause="1",
        legal_basis="Act 1",
        heading=heading(*columns),
        records=[record("r-1", SUBJECT, values)],
    )
    companies = answered("companies", [extract], as_of="2026-01-31")
    companies.refusals.add(field="owner", reason=Reason.FIELD_NOT_COVERED.value, memorandum="m-1")
    return answer_pb2.Answer(
        query_digest=ASKED,
        federation=NAME,
        agency="registry",
        step=step,
        round=round_,
        datasets=[
            companies,
            answer_pb2.DatasetAnswer(dataset="fines", outcome=Reason.NO_RECORD.value),
        ],
    )


def entry_of(answer: answer_pb2.Answer) -> VerifiedEntry:
    logged = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        query_digest=answer.query_digest,
        step=answer.step,
        round=answer.round,
    )
    origin = "registry.town.example/node/main"
    head = Checkpoint(origin, 1, bytes(32))
    return VerifiedEntry(answer.agency, Role.NODE, origin, logged, 0, bytes(32), head, b"")


def check(
    answer: answer_pb2.Answer, federation: Federation, entry: VerifiedEntry | None = None
) -> None:
    read = read_answer(answer.SerializeToString())
    check_answer(read, entry or entry_of(answer), query_digest=ASKED, federation=federation)


def refusal(
    answer: answer_pb2.Answer, federation: Federation, entry: VerifiedEntry | None = None
) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        check(answer, federation, entry)
    return caught.value.reason


def first(answer: answer_pb2.Answer) -> answer_pb2.DatasetAnswer:
    return answer.datasets[0]


def extract_of(answer: answer_pb2.Answer) -> answer_pb2.Extract:
    return answer.datasets[0].extracts[0]


def record_of(answer: answer_pb2.Answer) -> answer_pb2.Record:
    return answer.datasets[0].extracts[0].records[0]


@pytest.mark.parametrize(
    ("step", "round_"),
    [(query_pb2.STEP_COLLECT, 1), (query_pb2.STEP_RESOLVE, 1), (query_pb2.STEP_RESOLVE, 3)],
)
def test_an_honest_answer_passes(
    federation: Federation, step: query_pb2.Step.ValueType, round_: int
) -> None:
    check(make_answer(step, round_), federation)


def test_an_answer_at_its_limits_passes(federation: Federation) -> None:
    answer = make_answer()
    extract_of(answer).records.extend([record_of(answer)] * (LIMIT - 1))
    first(answer).detail = "x" * 1000
    extract_of(answer).legal_basis = "x" * 2000
    record_of(answer).record = "x" * 500
    check(answer, federation)


def test_an_answer_of_yes_or_no_passes(federation: Federation) -> None:
    answer = make_answer()
    extract = extract_of(answer)
    del extract.records[:]
    extract.heading = heading(column("accredited", answer_pb2.VALUE_TYPE_BOOLEAN))
    extract.records.append(record("", SUBJECT, [answer_pb2.Value(boolean=False)]))
    extract.retention, extract.fresh_within, extract.overdue = "P90D", "P1D", True
    check(answer, federation)


def test_an_unknown_quality_is_not_our_business(federation: Federation) -> None:
    answer = make_answer()
    answer.datasets[0].extracts[0].records[0].values[1].MergeFromString(b"\x30\x63")
    assert record_of(answer).values[1].quality == 99
    check(answer, federation)


def at(path: str, value: object) -> Spoil:
    """Set one part, such as `datasets.0.outcome`."""

    def spoil(answer: answer_pb2.Answer) -> None:
        *parents, name = path.split(".")
        target: object = answer
        for parent in parents:
            target = target[int(parent)] if parent.isdigit() else getattr(target, parent)  # type: ignore[index]
        setattr(target, name, value)

    return spoil


def in_heading(path: str, value: object) -> Spoil:
    """Set one part of the first extract's heading."""

    def spoil(answer: answer_pb2.Answer) -> None:
        extract = extract_of(answer)
        message: Any = answer_pb2.Heading.FromString(extract.heading)
        at(path, value)(message)
        extract.heading = message.SerializeToString()

    return spoil


EXTRACT = "datasets.0.extracts.0"
RECORD = f"{EXTRACT}.records.0"


@pytest.mark.parametrize(
    "spoil",
    [
        at("query_digest", b"r" * 32),
        at("federation", "other.example"),
        at("step", 0),
        at("step", 9),
        at("round", 0),
        at("round", 2),
        at("datasets.1.dataset", "companies"),
        at("datasets.0.dataset", "x" * 201),
        at("datasets.0.outcome", 0),
        at("datasets.0.outcome", 77),
        at("datasets.0.outcome", Reason.NO_RECORD.value),
        at("datasets.1.outcome", Reason.ANSWERED.value),
        at("datasets.0.refusals.0.reason", 77),
        in_heading("columns.0.type", 0),
        in_heading("columns.1.type", 77),
        in_heading("columns.0.scheme", "tax-number"),
        in_heading("columns.0.scheme", ""),
        in_heading("columns.1.field", "permit"),
        at(f"{RECORD}.about.scheme", "tax-number"),
        at(f"{RECORD}.about.value", ""),
        at(f"{RECORD}.about.value", "x" * 201),
        lambda answer: record_of(answer).ClearField("about"),
        lambda answer: record_of(answer).values.pop(),
        lambda answer: record_of(answer).values.add(),
        lambda answer: alter_heading(extract_of(answer), lambda columns: columns.pop()),
        at(f"{EXTRACT}.heading", b"\xff"),
        lambda answer: extract_of(answer).records.pop(),
        lambda answer: answer.datasets[1].extracts.add(),
        lambda answer: record_of(answer).values[2].list.items.add().list.items.add(),
    ],
)
def test_what_is_bound_elsewhere_or_does_not_fit_is_refused(
    federation: Federation, spoil: Spoil
) -> None:
    answer = make_answer()
    spoil(answer)
    assert refusal(answer, federation) is Reason.MISMATCHED_ANSWER


def sealed_answer() -> answer_pb2.Answer:
    return seal_answer(
        make_answer(), seal_to=KEY.public, requester="board", memoranda=["m-1", "m-2"]
    )


def test_a_sealed_answer_passes_by_its_cover(federation: Federation) -> None:
    check(sealed_answer(), federation)


@pytest.mark.parametrize(
    "spoil",
    [
        at("step", query_pb2.STEP_RESOLVE),
        at("sealed.contents_digest", b""),
        at("sealed.contents_digest", b"x" * 33),
        at("sealed.ciphertext", b""),
        at("sealed.ciphertext", b"x" * OVERHEAD_BYTES),
        at("datasets.0.outcome", Reason.ANSWERED.value),
        at("datasets.1.outcome", Reason.NO_RECORD.value),
        at("datasets.1.detail", "one record"),
        at("datasets.0.as_of", "2026-01-31"),
        at("datasets.1.dataset", "companies"),
        at("datasets.1.dataset", "x" * 201),
        lambda answer: first(answer).extracts.add(),
        lambda answer: first(answer).refusals.add(),
        lambda answer: first(answer).MergeFromString(b"\xfa\x07\x01x"),
        lambda answer: answer.sealed.memoranda.reverse(),
        lambda answer: answer.sealed.memoranda.append("m-2"),
        lambda answer: answer.ClearField("sealed"),
        lambda answer: answer.sealed.Clear(),
    ],
)
def test_a_cover_that_says_more_or_has_not_its_form_is_refused(
    federation: Federation, spoil: Spoil
) -> None:
    answer = sealed_answer()
    spoil(answer)
    assert refusal(answer, federation) is Reason.MISMATCHED_ANSWER


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer.sealed.memoranda.append("z" * 301),
        lambda answer: answer.sealed.memoranda.extend(f"n-{n:03}" for n in range(200)),
    ],
)
def test_a_cover_that_names_too_much_is_refused(federation: Federation, spoil: Spoil) -> None:
    answer = sealed_answer()
    spoil(answer)
    assert refusal(answer, federation) is Reason.OVERSIZED_ANSWER


def test_nothing_is_sealed_in_the_clear(federation: Federation) -> None:
    answer = make_answer()
    answer.datasets[1].outcome = Reason.SEALED.value
    assert refusal(answer, federation) is Reason.MISMATCHED_ANSWER


def more_identifiers(answer: answer_pb2.Answer) -> None:
    record_of(answer).values[0].list.items.extend([text("P1")] * (LIMIT * 20 + 1))


def identifiers_everywhere(answer: answer_pb2.Answer) -> None:
    extract = extract_of(answer)
    for number in range(25):
        extract.heading += heading(column(f"p{number}", IDENTIFIER, scheme="permit"))
        extract.records[0].values.append(text("P1"))
    extract.records.extend([extract.records[0]] * (LIMIT - 1))


def records_in_two_extracts(answer: answer_pb2.Answer) -> None:
    extract = extract_of(answer)
    extract.records.extend([extract.records[0]] * (LIMIT // 2))
    first(answer).extracts.append(extract)


@pytest.mark.parametrize(
    "spoil",
    [
        at("datasets.0.detail", "x" * 1001),
        at("datasets.0.as_of", "x" * 301),
        at("datasets.0.refusals.0.field", "x" * 301),
        at("datasets.0.refusals.0.clause", "x" * 301),
        at(f"{EXTRACT}.memorandum", "x" * 301),
        at(f"{EXTRACT}.clause", "x" * 301),
        at(f"{EXTRACT}.legal_basis", "x" * 2001),
        at(f"{EXTRACT}.retention", "x" * 301),
        at(f"{EXTRACT}.fresh_within", "x" * 301),
        in_heading("columns.1.field", "x" * 201),
        in_heading("columns.1.term", "x" * 201),
        at(f"{RECORD}.record", "x" * 501),
        at(f"{RECORD}.as_of", "x" * 301),
        lambda answer: first(answer).extracts.extend([answer_pb2.Extract()] * 200),
        lambda answer: first(answer).refusals.extend([first(answer).refusals[0]] * 2000),
        lambda answer: alter_heading(
            extract_of(answer), lambda columns: columns.extend([column("x")] * 500)
        ),
        at(f"{EXTRACT}.heading", bytes(MAX_HEADING_BYTES + 1)),
        lambda answer: extract_of(answer).records.extend([record_of(answer)] * LIMIT),
        lambda answer: record_of(answer).values[2].list.items.extend([text("x")] * (LIMIT * 20)),
        records_in_two_extracts,
        more_identifiers,
        identifiers_everywhere,
    ],
)
def test_more_than_an_answer_may_hold_is_refused(federation: Federation, spoil: Spoil) -> None:
    answer = make_answer()
    spoil(answer)
    assert refusal(answer, federation) is Reason.OVERSIZED_ANSWER


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("kind", log_pb2.ENTRY_KIND_PROFILE),
        ("kind", log_pb2.ENTRY_KIND_UNSPECIFIED),
        ("step", query_pb2.STEP_RESOLVE),
        ("round", 2),
        ("query_digest", b"r" * 32),
    ],
)
def test_an_entry_that_logged_something_else_is_refused(
    federation: Federation, part: str, value: object
) -> None:
    answer = make_answer()
    entry = entry_of(answer)
    setattr(entry.entry, part, value)
    assert refusal(answer, federation, entry) is Reason.MISMATCHED_ANSWER


@pytest.mark.parametrize(("agency", "role"), [("permits", Role.NODE), ("registry", Role.GATEWAY)])
def test_only_the_agencys_own_node_answers(federation: Federation, agency: str, role: Role) -> None:
    answer = make_answer()
    entry = replace(entry_of(answer), agency=agency, role=role)
    assert refusal(answer, federation, entry) is Reason.MISMATCHED_ANSWER


def test_resolving_has_the_federations_rounds_and_identifiers_alone(
    federation: Federation,
) -> None:
    late = make_answer(query_pb2.STEP_RESOLVE, federation.limits.max_rounds + 1)
    assert refusal(late, federation) is Reason.MISMATCHED_ANSWER
    chatty = make_answer(query_pb2.STEP_RESOLVE)
    extract_of(chatty).heading += heading(column("name"))
    record_of(chatty).values.append(text("Bakery"))
    assert refusal(chatty, federation) is Reason.MISMATCHED_ANSWER


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("aliases"))
    yield town
    town.close()


def test_a_requester_refuses_a_profile_with_an_answer_that_no_node_may_give(town: Town) -> None:
    query = town.query()
    answers = bakery_answers(town, query)
    profile = town.assemble(query, answers)
    datasets = parsed(answers[2]).datasets
    datasets[1].outcome = 77  # type: ignore[assignment]
    spoiled = town.answer(query, "permits", datasets)
    # What is shown comes from an honest profile: the answers are looked at before.
    document = profile_document(town.sign_profile(profile))
    profile.answers[1].CopyFrom(spoiled.envelope)
    envelope = town.sign_profile(profile)
    document["evidence"] = base64.b64encode(envelope.SerializeToString()).decode()
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(document, town.bundle, federation=town.federation)
    assert caught.value.reason is Reason.MISMATCHED_ANSWER
    assert caught.value.where == "answer 2 (permits)"


def prove(town: Town, scheme: str, value: str, alias: SubjectId) -> tuple[SubjectId, ...]:
    """Prove an alias by a link answer that holds `value` under `scheme`."""
    query = town.query()
    extract = answer_pb2.Extract(
        heading=heading(column("permit", IDENTIFIER, scheme=scheme)),
        records=[record("r-1", SUBJECT, [text(value)])],
    )
    link = town.answer(
        query, "registry", [answered("links", [extract])], step=query_pb2.STEP_RESOLVE
    )
    question = query_pb2.Question(links=[link.envelope])
    question.aliases.add(scheme=alias.scheme, value=alias.value)
    evidence = EvidenceVerifier(town.bundle.log_keys)
    return AliasProver(evidence, town.federation).prove(
        question,
        asked=SUBJECT,
        query_digest=digest(QUERY_TYPE, query.payload),
        accepted={"registry/links"},
    )


def test_a_link_proves_an_alias_in_its_normal_form_only(town: Town) -> None:
    good = SubjectId("permit", "P1")
    assert prove(town, "permit", "P1", good) == (good,)
    assert prove(town, "permit", "1P", SubjectId("permit", "1P")) == ()
    assert prove(town, "permit", "P1", SubjectId("tax-number", "P1")) == ()


def test_a_link_that_no_node_may_give_is_refused(town: Town) -> None:
    with pytest.raises(LandbridgeError) as caught:
        prove(town, "tax-number", "P1", SubjectId("tax-number", "P1"))
    assert caught.value.reason is Reason.MISMATCHED_ANSWER
