"""What answers of a kind have in common is read once, and what differs is never overlooked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

from landbridge import outline
from landbridge.answer_contents import check_contents
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.outline import Outline
from landbridge.read_answer import ReadAnswer, read_answer
from landbridge.subject import Schemes
from landbridge.v1 import answer_pb2, query_pb2
from landbridge.wire import part
from tests.small_town import FEDERATION, NAME, SUBJECT, answered, column, heading, record, text

SECRET = "Bakery of a certain street"


def answer(*values: str, at: int = 1, agency: str = "registry") -> answer_pb2.Answer:
    extract = answer_pb2.Extract(
        memorandum="m-1",
        clause="1",
        heading=heading(column("permit", answer_pb2.VALUE_TYPE_IDENTIFIER, scheme="permit")),
        records=[record(f"r-{value}", SUBJECT, [text(value)]) for value in values],
    )
    message = answer_pb2.Answer(
        query_digest=bytes([at]) * 32,
        federation=NAME,
        agency=agency,
        step=query_pb2.STEP_COLLECT,
        round=1,
        answered_at_unix_ms=at,
        datasets=[answered("companies", [extract])],
    )
    message.datasets[0].refusals.add(field="owner", reason=Reason.FIELD_NOT_COVERED.value)
    return message


def read(message: answer_pb2.Answer) -> ReadAnswer:
    return read_answer(message.SerializeToString())


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    path = tmp_path / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


def test_answers_of_a_kind_share_their_outline_and_keep_their_own_records() -> None:
    first, second = read(answer("P1", at=1)), read(answer("P2", at=2))
    assert first.outline is second.outline
    assert first.query_digest != second.query_digest
    assert [one.records[0][0].record for one in (first, second)] == ["r-P1", "r-P2"]
    assert first.outline.datasets[0].refused == ("owner",)


def test_what_is_not_alike_has_an_outline_of_its_own() -> None:
    def changed(path: str, value: object) -> Outline:
        message = answer("P1")
        *parents, name = path.split(".")
        target: object = message
        for parent in parents:
            target = target[int(parent)] if parent.isdigit() else getattr(target, parent)  # type: ignore[index]
        setattr(target, name, value)
        return read(message).outline

    found = [
        read(answer("P1")).outline,
        read(answer("P1", "P2")).outline,
        changed("agency", "permits"),
        changed("federation", "other.example"),
        changed("step", query_pb2.STEP_RESOLVE),
        changed("round", 2),
        changed("datasets.0.outcome", Reason.NO_RECORD.value),
        changed("datasets.0.expired", 1),
        changed("datasets.0.refusals.0.field", "name"),
        changed("datasets.0.extracts.0.clause", "2"),
        changed("datasets.0.extracts.0.heading", heading(column("permit"))),
        changed("datasets.0.extracts.0.overdue", value=True),
    ]
    assert len(set(map(id, found))) == len(found)
    assert found[1].datasets[0].records == 2
    assert found[3].federation == "other.example"


def test_nothing_of_a_record_is_kept() -> None:
    read(answer(SECRET))
    assert outline._KNOWN
    assert not any(SECRET.encode() in kept for kept in outline._KNOWN)


def test_what_is_long_sealed_or_has_a_sentence_of_its_own_is_not_kept() -> None:
    long, told, sealed = answer("P1"), answer("P2"), answer("P3")
    long.datasets[0].extracts[0].legal_basis = "x" * 2048
    told.datasets[0].detail = "no record of this subject since 2019"
    sealed.sealed.ciphertext = b"x"
    for message in (long, told, sealed):
        assert not read(message).outline.kept
        assert read(message).outline is not read(message).outline


def test_what_has_a_fault_or_many_small_parts_is_not_kept() -> None:
    many, none = answer("P1"), answer("P2")
    for _ in range(100):
        many.datasets[0].extracts.add()
    none.datasets[0].ClearField("extracts")
    assert not read(many).outline.fault
    assert read(none).outline.fault
    assert not read(many).outline.kept
    assert not read(none).outline.kept


@pytest.mark.parametrize(
    ("tags", "count"),
    [((b"\x3a",), 201), ((b"\x3a", b"\x22"), 201), ((b"\x3a", b"\x22", b"\x2a"), 50_001)],
)
def test_an_answer_of_countless_empty_parts_is_not_taken_apart(
    tags: tuple[bytes, ...], count: int
) -> None:
    *outer, last = tags
    payload = (last + b"\x00") * count
    for tag in reversed(outer):
        payload = part(tag, payload)
    with pytest.raises(LandbridgeError) as caught:
        read_answer(payload)
    assert caught.value.reason is Reason.OVERSIZED_ANSWER


@pytest.mark.parametrize("depth", range(94, 102))
def test_what_is_nested_too_deep_for_readers_of_the_whole_is_no_answer(depth: int) -> None:
    record = b"\xc3\x3e" * depth + b"\xc4\x3e" * depth
    payload = part(b"\x3a", part(b"\x22", part(b"\x2a", record)))

    def readable(read: Callable[[bytes], object]) -> bool:
        try:
            read(payload)
        except DecodeError:
            return False
        return True

    assert readable(read_answer) is readable(answer_pb2.Answer.FromString)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline, "_MOST_KEPT", 4)
    for number in range(20):
        read(answer("P1", agency=f"agency-{number}"))
        assert len(outline._KNOWN) <= 4


def test_each_federation_has_its_own_say_about_what_is_alike(federation: Federation) -> None:
    check_contents(read(answer("P1")), federation)
    few = Schemes(scheme for scheme in federation.schemes.values() if scheme.name != "permit")
    for other in (
        replace(federation, schemes=few),
        replace(federation, limits=replace(federation.limits, max_records=0)),
    ):
        with pytest.raises(LandbridgeError):
            check_contents(read(answer("P2")), other)


@pytest.mark.parametrize("tag", [b"\x22", b"\xa2\x00"])
def test_a_list_within_a_list_is_found_however_its_tag_is_written(
    federation: Federation, tag: bytes
) -> None:
    message = answer("P1")
    dataset = message.datasets[0]
    extract = dataset.extracts[0]
    holder = extract.records[0]
    for parent, name in (
        (holder, "values"),
        (extract, "records"),
        (dataset, "extracts"),
        (message, "datasets"),
    ):
        parent.ClearField(name)  # type: ignore[arg-type]
    nested = part(tag, part(b"\x0a", tag + b"\x00"))
    written = holder.SerializeToString() + part(b"\x2a", nested)
    written = extract.SerializeToString() + part(b"\x2a", written)
    written = dataset.SerializeToString() + part(b"\x22", written)
    payload = message.SerializeToString() + part(b"\x3a", written)
    parsed = answer_pb2.Answer.FromString(payload).datasets[0].extracts[0].records[0]
    assert parsed.values[0].list.items[0].HasField("list")
    with pytest.raises(LandbridgeError) as caught:
        check_contents(read_answer(payload), federation)
    assert caught.value.message == "registry sent lists within lists of companies"
