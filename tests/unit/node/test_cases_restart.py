"""What a node knows of its cases after a restart: what its log holds, or it does not start."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rights.case import Case
from landbridge.rights.steps import Step
from node.case_files import CaseFiles
from node.sources.lookup import Withdrawn
from tests.cases import DAY, NORTH, Registry, running


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path) as made:
        yield made


def test_a_step_without_its_document_keeps_the_node_from_starting(node: Registry) -> None:
    case = node.take(node.open(), Step.UPHELD)
    folder = node.folder / "cases"
    path = folder / case.id / "02-upheld.jws.json"
    document = path.read_bytes()
    damages: dict[str, Callable[[], object]] = {
        "cut off": lambda: path.write_bytes(document[:-40]),
        "removed": path.unlink,
        "removed with its receipt": lambda: path.with_name("02-upheld.taken.json").unlink(),
        "the case is removed": lambda: shutil.rmtree(folder / case.id),
        "the folder is removed": lambda: shutil.rmtree(folder),
    }
    shutil.copytree(folder, node.folder / "kept")

    for name, damage in damages.items():
        damage()
        with pytest.raises(LandbridgeError, match="has not its document") as caught:
            node.start()
        assert caught.value.code == "LB-1105", name
    shutil.copytree(node.folder / "kept", folder)
    node.start()

    assert node.flags.withdrawn("sanctions") == {Withdrawn("S1/2024", NORTH)}


def test_a_document_that_goes_missing_is_told_at_once(node: Registry) -> None:
    case = node.take(node.open(), Step.UPHELD)
    path = node.folder / "cases" / case.id / "02-upheld.jws.json"
    document = path.read_bytes()

    path.write_bytes(document[:-40])
    node.cases.follow()
    assert "has not its document" in node.told[-1][1]
    path.write_bytes(document)
    node.cases.follow()

    assert node.told[-1] == (f"case {case.id}", "")
    assert node.flags.withdraws


def test_a_folder_that_cannot_be_read_keeps_the_node_from_starting(
    node: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.open()

    def fail(_files: CaseFiles, _case: str) -> list[object]:
        raise refuse(Reason.LOG_UNAVAILABLE, "too many open files")

    monkeypatch.setattr(CaseFiles, "read", fail)

    with pytest.raises(LandbridgeError, match="LB-5001"):
        node.start()


def test_a_step_counts_from_its_first_entry_whatever_becomes_of_its_receipt(node: Registry) -> None:
    case = node.open()
    receipt = node.folder / "cases" / case.id / "01-opened.taken.json"
    right = receipt.read_bytes()
    node.now += 40 * DAY
    odd = [{**json.loads(right), "entry": entry} for entry in (2**70, -1, "x", None, 1e300)]
    written = [*map(json.dumps, odd), "[]", "null", '{"entry": Infinity}', "[" * 100_000]

    for text in [None, *written]:
        receipt.unlink()
        if text is not None:
            receipt.write_text(text)
        node.start()
        assert node.cases.all() == (case,)
        assert receipt.read_bytes() == right
    assert node.steps_logged == ["opened"]
    assert not node.told


def test_a_case_counts_on_when_its_desk_is_believed_no_more(
    node: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_files: CaseFiles, path: Path, _receipt: object) -> None:
        raise refuse(Reason.LOG_UNAVAILABLE, "no space left", where=str(path))

    with monkeypatch.context() as disk:
        disk.setattr(CaseFiles, "count", full)
        case = node.open()
    monkeypatch.setattr("node.case_intake.verify_opening", full)

    node.start()

    assert node.cases.all() == (case,)
    assert node.flags.stand


def test_of_two_steps_that_were_logged_the_first_counts(node: Registry) -> None:
    case = node.open()
    rejected, upheld = (_decided(node, case, step) for step in (Step.REJECTED, Step.UPHELD))
    for number, decided in enumerate((rejected, upheld)):
        name = f"02-{decided.last.step}.jws.json"
        (node.folder / "cases" / case.id / name).write_bytes(decided.last.document)
        node.case_log.append(decided, node.now + number)

    node.start()
    (node.folder / "cases" / case.id / "02-upheld.jws.json").unlink()
    node.start()

    assert node.cases.case(case.id).steps == rejected.steps


@pytest.mark.parametrize("text", ["[]", "null", '"x"', '{"a": "x"}', '{"a": null}', "{"])
def test_a_damaged_memory_of_the_clock_stops_no_clock(node: Registry, text: str) -> None:
    case = node.open()
    node.now += 40 * DAY
    (node.folder / "cases" / case.id / "clock.json").write_text(text)

    node.clock.tick()

    assert "overdue" in node.steps_logged


@pytest.mark.parametrize(
    ("dataset", "record"), [("sanctions", "S1/2024"), ("notes", "notes.csv:2")]
)
def test_a_source_that_was_away_at_the_start_is_asked_again(
    node: Registry, monkeypatch: pytest.MonkeyPatch, dataset: str, record: str
) -> None:
    node.open(dataset=dataset, record=record, fields=())
    before = node.flags.standing
    with monkeypatch.context() as away:
        away.setattr(
            type(node.source),
            "fetch",
            lambda _source, lookups: [refuse(Reason.SOURCE_FAILED, "away")] * len(lookups),
        )
        node.start()
    assert node.flags.stand

    node.cases.follow()

    assert node.flags.standing == before


def _decided(node: Registry, case: Case, step: Step) -> Case:
    document = node.step(case, step)
    return node.cases._intake.admit(document, node.now, {case.id: case})
