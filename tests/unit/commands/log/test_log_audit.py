"""`landbridge log audit` and `monitor`, as an auditor uses them, with a bundle and some logs."""

import json
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from certs.federation import PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from tests.compared_logs import (
    FSA,
    GATEWAY,
    ORIGINS,
    REQUESTER,
    Entries,
    Keys,
    agency_of,
    digest_of,
    history_of,
    write_log,
    write_logs,
)

Captured = pytest.CaptureFixture[str]
FEDERATION = "institutions.example"
ROLES = {origin: Role(origin.split("/")[1]) for origin in ORIGINS}


@dataclass
class Desk:
    """An auditor's folder: the bundle, the logs' keys as only their owners have them, and logs."""

    folder: Path
    bundle: Path
    keys: Keys

    def logs(self, entries: Entries, origins: Sequence[str] = ORIGINS) -> list[str]:
        return list(map(str, write_logs(self.folder / "logs", self.keys, entries, origins)))

    def audit(self, *arguments: str) -> int:
        return run(["log", "audit", *arguments, "--bundle", str(self.bundle)])


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Keys]:
    """A federation whose bundle lists the logs of the comparisons."""
    plans = [
        PartyPlan(agency_of(origin), role, "Somebody", (KeyUse.LOG,))
        for origin, role in ROLES.items()
    ]
    made = create_federation(tmp_path_factory.mktemp("parties"), FEDERATION, plans)
    keys = {
        origin: SigningKey.load(made.state(agency_of(origin), role) / "keys" / "log.key")
        for origin, role in ROLES.items()
    }
    return made.publish().document, keys


@pytest.fixture
def desk(tmp_path: Path, parties: tuple[bytes, Keys]) -> Desk:
    document, keys = parties
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(document)
    return Desk(tmp_path, bundle, keys)


def test_logs_in_all_their_forms_are_held_against_one_another(desk: Desk, capsys: Captured) -> None:
    requester, gateway, fsa, nces = desk.logs(history_of(4, desk.keys).entries)
    tiles = str(desk.folder / "tiles")
    assert run(["log", "export", fsa, "--to", tiles]) == 0
    capsys.readouterr()
    assert desk.audit(tiles, gateway, f"{requester}/log.sqlite", nces) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"[ok] {REQUESTER}: 8 entries"
    assert out[-1] == "4 queries, 0 findings: clean"
    assert desk.audit(fsa, gateway, "-o", "ndjson") == 0
    assert capsys.readouterr().out == ""


def test_a_finding_says_who_what_when_and_where_the_proof_is(desk: Desk, capsys: Captured) -> None:
    entries = history_of(4, desk.keys).entries
    hidden = entries[FSA].pop(1)
    logs = desk.logs(entries)
    assert desk.audit(*logs) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " hides entry " in line)
    assert line.startswith(f"LB-4301 {FSA} hides entry 1, which entry 1 of {GATEWAY} and entry 3")
    assert f"query {hidden.query_digest.hex()[:16]} of dd.ed for oversight, 2026-05-28T" in line
    assert f"proof: {GATEWAY} entry 1 (leaf " in line
    assert desk.audit(*logs, "-o", "json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == {"name": "landbridge-log-audit", "version": 1}
    assert document["result"] == "findings"
    (found,) = (one for one in document["findings"] if one["query_digest"])
    assert (found["log"], found["query_digest"]) == (FSA, digest_of(1).hex())
    assert {one["log"] for one in found["proof"]} == {GATEWAY, REQUESTER}
    assert "subject" not in json.dumps(document)


def test_what_is_only_unfinished_ends_with_three(desk: Desk, capsys: Captured) -> None:
    history = history_of(3, desk.keys)
    for origin in (GATEWAY, REQUESTER):
        history.entries[origin].pop()
    assert desk.audit(*desk.logs(history.entries), "-o", "ndjson") == 3
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert "hidden" not in kinds


def test_heads_that_others_hold_unmask_a_fork(desk: Desk, capsys: Captured) -> None:
    entries = history_of(3, desk.keys).entries
    (shown,) = desk.logs(entries, (FSA,))
    heads = desk.folder / "heads"
    heads.mkdir()
    other = write_log(desk.folder / "other", desk.keys[FSA], FSA, entries[FSA][1:])
    store = LogStore.open(other / "log.sqlite", FSA, desk.keys[FSA])
    (heads / "witness").write_bytes(store.head())
    store.close()
    assert desk.audit(shown, "--heads", str(heads)) == 1
    assert f"LB-4302 {FSA} is forked or was rewritten" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{log}"], 2, "nothing to be held against"),
        (["{log}", "{folder}/nowhere"], 2, "there is no log"),
        (["{log}", "{log}", "--grace", "soon"], 2, "--grace"),
        (["{log}", "{log}", "--since", "then"], 2, "--since"),
        (["{log}", "--heads", "{folder}/nowhere"], 2, "cannot be read"),
        (["{log}", "--heads", "{folder}/bundle.json"], 4, "LB-4008"),
        (["{log}", "{folder}/bundle.json"], 1, "LB-5002"),
    ],
)
def test_bad_input_is_refused_with_a_next_step(
    desk: Desk, capsys: Captured, arguments: list[str], code: int, says: str
) -> None:
    (log,) = desk.logs(history_of(1, desk.keys).entries, (FSA,))
    filled = [one.format(log=log, folder=desk.folder) for one in arguments]
    assert desk.audit(*filled) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_tiles_without_entries_say_nothing_of_accesses(desk: Desk, capsys: Captured) -> None:
    fsa, gateway = desk.logs(history_of(1, desk.keys).entries, (FSA, GATEWAY))
    tiles = str(desk.folder / "tiles")
    assert run(["log", "export", fsa, "--to", tiles, "--without-entries"]) == 0
    assert desk.audit(tiles, gateway) == 2
    assert "without its entries" in capsys.readouterr().err


def test_without_a_bundle_nothing_is_believed(desk: Desk, capsys: Captured) -> None:
    logs = desk.logs(history_of(1, desk.keys).entries, (FSA, GATEWAY))
    assert run(["log", "audit", *logs]) == 2
    assert "--bundle" in capsys.readouterr().err


def test_a_monitor_goes_on_where_it_ended_and_heeds_a_signal(desk: Desk, capsys: Captured) -> None:
    entries = history_of(3, desk.keys).entries
    hidden = entries[GATEWAY].pop()
    logs = desk.logs(entries)
    alarms = desk.folder / "alarms.ndjson"
    command = [
        "log", "monitor", *logs, "--every", "50ms", "--bundle", str(desk.bundle),
        "--remember", str(desk.folder / "monitor.sqlite"), "--alarms", str(alarms),
    ]  # fmt: skip
    assert run([*command, "--for", "150ms"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [json.loads(line) for line in alarms.read_text().splitlines()]
    assert {(one["event"], one["log"]) for one in told} == {("found", GATEWAY)}
    write_log(desk.folder / "logs", desk.keys[GATEWAY], GATEWAY, [hidden])
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert run(command) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["event"] for one in again} == {"over"}
    assert len(again) == len(told)
