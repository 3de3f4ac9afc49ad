"""Whoever has a subject's keys finds its entries, nobody else does; once erased, nobody at all."""

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from certs.federation import PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.commands.log.search import search as search_command
from landbridge.commands.output import Output
from landbridge.commands.subject_key import erase as erase_command
from landbridge.commands.subject_key import key as key_command
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.log.backup import back_up, replaced_files, restore
from landbridge.log.database import LogDatabase
from landbridge.log.publishing import Publisher
from landbridge.log.reading import open_reader
from landbridge.log.subject_keys import Pseudonym, open_keys_in
from landbridge.log.subject_search import read_key_file
from landbridge.party import PartyFolder
from landbridge.v1 import log_pb2

FEDERATION = """
[federation]
name = "schools.example"
title = "Schools"

[gateway]
agency = "exchange"

[agencies.fsa]
title = "Student Aid"
roles = ["node"]

[schemes.ope]
title = "OPE ID"
subject_kind = "legal-entity"
pattern = "^[0-9]{8}$"

[purposes.oversight]
title = "Oversight"
"""
NOVEMBER, DECEMBER = 1_795_000_000_000, 1_797_000_000_000
SUBJECT, OTHER = "00100500", "00100600"


def entry_of(requester: str, named: list[list[Pseudonym]]) -> list[bytes]:
    """Write an entry on a subject that has an alias."""
    ((name, alias),) = named
    entry = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        requester=requester,
        subject_pseudonym=name.value,
        pseudonym_period=name.period,
        other_pseudonyms=[alias.value],
        accesses=[log_pb2.Access(dataset="ratings", released=["hcm2"], outcome=1)],
    )
    return [entry.SerializeToString()]


class Party:
    """A node's folder whose log names two subjects."""

    def __init__(self, folder: Path) -> None:
        plan = PartyPlan("fsa", Role.NODE, "Aid", (KeyUse.LOG,), "main", "127.0.0.1:7001")
        self.state = create_federation(folder, "schools.example", (plan,)).state("fsa", Role.NODE)
        self.federation = folder / "federation.toml"
        self.federation.write_text(FEDERATION)
        self.keys = folder / "keys.json"
        party = PartyFolder.open(self.state)
        with closing(party.open_log(party.identity(Role.NODE))) as log:
            for number, (subject, at) in enumerate(
                [(SUBJECT, NOVEMBER), (OTHER, NOVEMBER), (SUBJECT, DECEMBER), (OTHER, DECEMBER)]
            ):
                about = [("ope", subject, at), ("name", "alias " + subject, at)]
                log.append_about([about], partial(entry_of, f"asker-{number}"))

    def write_keys(self, subject: str) -> None:
        key_command(f"ope:{subject}", state=self.state, to=self.keys, federation=self.federation)


@pytest.fixture
def party(tmp_path: Path) -> Party:
    return Party(tmp_path)


@pytest.fixture
def found(party: Party, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[tuple[int, str]]]:
    def search(log: Path = party.state) -> list[tuple[int, str]]:
        capsys.readouterr()
        assert search_command(log, keys=party.keys, output=Output.NDJSON) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(line["entry"], line["requester"]) for line in lines]

    return search


def test_the_keys_find_every_entry_on_the_subject_and_no_other(
    party: Party, tmp_path: Path, found: Callable[..., list[tuple[int, str]]]
) -> None:
    party.write_keys(SUBJECT)
    assert party.keys.stat().st_mode & 0o777 == 0o600
    assert [key.period for key in read_key_file(party.keys).subjects[0].keys] == [
        "2026-12",
        "2026-11",
    ]
    assert found() == [(0, "asker-0"), (2, "asker-2")]
    with open_reader(party.state) as reader:
        Publisher(reader, tmp_path / "tiles").publish(reader.checkpoint)
    assert found(tmp_path / "tiles") == [(0, "asker-0"), (2, "asker-2")]
    party.write_keys(OTHER)
    assert found() == [(1, "asker-1"), (3, "asker-3")]


def test_once_erased_neither_owner_nor_auditor_finds_anything(
    party: Party,
    found: Callable[..., list[tuple[int, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    erase_command(
        f"ope:{SUBJECT}", state=party.state, federation=party.federation, output=Output.JSON
    )
    assert json.loads(capsys.readouterr().out) == {
        "erased": [{"subject": f"ope:{SUBJECT}", "keys": 2}]
    }
    party.write_keys(SUBJECT)
    assert read_key_file(party.keys).subjects[0].keys == ()
    assert found() == []
    party.write_keys(OTHER)
    assert found() == [(1, "asker-1"), (3, "asker-3")]
    opened = PartyFolder.open(party.state)
    with closing(opened.open_log(opened.identity(Role.NODE))) as log:
        log.check()
        assert log.size == 4


def test_what_a_restore_put_aside_is_erased_too(party: Party, tmp_path: Path) -> None:
    back_up(party.state, tmp_path / "copy", with_keys=True)
    opened = PartyFolder.open(party.state)
    restore(party.state, tmp_path / "copy", opened.open_copy)
    (aside,) = replaced_files(party.state)

    def left() -> int:
        with closing(open_keys_in(LogDatabase(aside), party.state)) as keys:
            return len(keys.find("ope", SUBJECT))

    assert left() == 2
    erase_command(f"ope:{SUBJECT}", state=party.state, federation=party.federation)
    assert left() == 0
    aside.write_bytes(b"damaged")
    with pytest.raises(LandbridgeError) as caught:
        erase_command(f"ope:{SUBJECT}", state=party.state, federation=party.federation)
    assert caught.value.where == str(aside)
    assert "remove this file" in caught.value.next_step


def test_every_form_of_output(party: Party, capsys: pytest.CaptureFixture[str]) -> None:
    party.write_keys(SUBJECT)
    search_command(party.state, keys=party.keys)
    shown = capsys.readouterr()
    assert "asker-2" in shown.out
    assert "ratings: hcm2" in shown.out
    assert "2 of 4 entries, by 2 keys" in shown.err
    search_command(party.state, keys=party.keys, output=Output.JSON)
    document = json.loads(capsys.readouterr().out)
    assert (document["size"], len(document["entries"])) == (4, 2)
    assert document["entries"][0]["kind"] == "answer"
    erase_command(f"ope:{SUBJECT}", state=party.state, federation=party.federation)
    assert f"ope:{SUBJECT}: 2 keys erased" in capsys.readouterr().out


def spoil_origin(text: str) -> str:
    return text.replace("fsa.schools.example", "other.schools.example")


def spoil_key(text: str) -> str:
    return text.replace('"key": "', '"key": "00')


def spoil_form(text: str) -> str:
    return text.replace("landbridge-subject-keys", "landbridge-profile")


@pytest.mark.parametrize("spoil", [spoil_origin, spoil_key, spoil_form, lambda text: text[:-9]])
def test_other_files_are_no_keys_of_this_log(party: Party, spoil: Callable[[str], str]) -> None:
    party.write_keys(SUBJECT)
    party.keys.write_text(spoil(party.keys.read_text()))
    with pytest.raises(LandbridgeError) as caught:
        search_command(party.state, keys=party.keys)
    assert caught.value.reason is Reason.USAGE


def test_keys_that_others_may_read_are_refused(party: Party) -> None:
    party.write_keys(SUBJECT)
    party.keys.chmod(0o644)
    with pytest.raises(LandbridgeError) as caught:
        search_command(party.state, keys=party.keys)
    assert caught.value.reason is Reason.KEY_EXPOSED


def test_a_folder_without_log_or_key_is_said(party: Party, tmp_path: Path) -> None:
    (party.state / "pseudonym.key").unlink()
    for state in (party.state, tmp_path):
        with pytest.raises(LandbridgeError) as caught:
            erase_command(f"ope:{SUBJECT}", state=state, federation=party.federation)
        assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert not (tmp_path / "log.sqlite").exists()
