"""Nothing is seen before it is logged, and nothing is lost: full disks, kills, old copies."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from certs.registrar.journal import Journal
from certs.registrar.registry import Registry
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.party import PartyFolder
from landbridge.trust.approval import Act
from tests.authority import AUTHORITY, NODE, OTHER_NODE, Desk
from tests.bundles import refusal
from tests.pki import COUNCIL, REGISTRY

KILLED = """
import os, signal, sys
from pathlib import Path
from certs.registrar.journal import Journal
from certs.registrar.job import Registrar
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.v1 import authority_service_pb2
from tests.authority import AUTHORITY

folder, moment, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
now = int(sys.argv[4])
log = PartyFolder.open(folder / "party", clock=lambda: now).open_log(AUTHORITY)
registrar = Registrar(folder, Journal(folder, log, clock=lambda: now))
append = LogStore.append

def die(self, entries):
    if moment == "after":
        append(self, entries)
    os.kill(os.getpid(), signal.SIGKILL)

LogStore.append = die
request = getattr(authority_service_pb2, name + "Request").FromString(sys.stdin.buffer.read())
getattr(registrar, name.lower())(request)
"""


def open_journal(folder: Path) -> Journal:
    party = PartyFolder.open(folder / "party")
    return Journal(folder, party.open_log(AUTHORITY), clock=lambda: 0)


def logged_serials(desk: Desk) -> set[str]:
    return {act["serial"] for act in desk.acts() if act["act"] == "certificate.issue"}


def registered_serials(folder: Path) -> set[str]:
    connection = sqlite3.connect(folder / "registry.sqlite")
    try:
        return {row[0] for row in connection.execute("SELECT serial FROM leaf")}
    finally:
        connection.close()


def full_disk(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    def fail(entries: object) -> None:
        del entries
        raise refuse(Reason.LOG_UNAVAILABLE, "no space")

    monkeypatch.setattr(desk.log, "append", fail)


def test_an_act_that_could_not_be_logged_is_not_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    desk.registrar.journal.subscribe(lambda: told.append(desk.number))
    number = desk.number
    with monkeypatch.context() as broken:
        full_disk(broken, desk)
        with pytest.raises(LandbridgeError) as caught:
            desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
        assert (desk.number, told) == (number, [])
        assert desk.registrar.journal.bundles(number, 1)[0] == []
        # Nothing else is done meanwhile, and nothing shown.
        for call in (lambda: desk.renew(desk.node), desk.registrar.standing):
            assert refusal(call).reason is Reason.LOG_UNAVAILABLE
    size = desk.log.size
    assert desk.registrar.standing().bundle_number == number + 1
    assert told == [number + 1]
    assert desk.log.size == size + 1
    assert desk.acts()[-1]["act"] == "member.suspend"


def test_what_was_not_logged_is_logged_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        full_disk(broken, desk)
        with pytest.raises(LandbridgeError):
            desk.renew(desk.node)
    desk.close()
    desk.open()
    assert logged_serials(desk) == registered_serials(desk.folder)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", ["Renew", "Submit"])
def test_killed_at_the_log_nothing_is_lost_and_nothing_half(
    desk: Desk, moment: str, name: str
) -> None:
    suspend = desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    request = desk.renewal(desk.node) if name == "Renew" else desk.request(suspend)
    before = desk.log.size
    desk.close()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(desk.folder), moment, name, str(desk.clock())],
        input=request.SerializeToString(),
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL
    desk.open()
    assert desk.log.size == before + 1
    assert logged_serials(desk) == registered_serials(desk.folder)
    if name == "Renew":
        # Who asked and heard nothing asks again, and gets what is in the log.
        desk.registrar.renew(request)
        assert desk.log.size == before + 1
    else:
        assert desk.acts()[-1]["act"] == "member.suspend"
        assert desk.registrar.journal.bundle.members[REGISTRY].suspended
        assert desk.entries()[-1].bundle_number == desk.number
    assert desk.act(Act.MEMBER_SUSPEND, COUNCIL, revision=1).done


def test_an_old_copy_of_the_registry_is_found_out(desk: Desk, tmp_path: Path) -> None:
    desk.close()
    shutil.copy(desk.folder / "registry.sqlite", tmp_path / "old")
    desk.open()
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    desk.close()
    shutil.copy(tmp_path / "old", desk.folder / "registry.sqlite")
    error = refusal(lambda: open_journal(desk.folder))
    assert error.reason is Reason.LOG_DAMAGED
    assert "old copy" in error.message


def test_an_old_copy_of_the_log_is_found_out(desk: Desk, tmp_path: Path) -> None:
    desk.close()
    shutil.copy(desk.folder / "party" / "log.sqlite", tmp_path / "old")
    desk.open()
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    desk.renew(desk.holders[OTHER_NODE])
    desk.close()
    shutil.copy(tmp_path / "old", desk.folder / "party" / "log.sqlite")
    assert refusal(lambda: open_journal(desk.folder)).reason is Reason.LOG_ROLLED_BACK
    (desk.folder / "party" / "log.head").unlink()
    assert refusal(lambda: open_journal(desk.folder)).reason is Reason.LOG_DAMAGED


def test_two_processes_cannot_run_one_authority(desk: Desk) -> None:
    error = refusal(lambda: open_journal(desk.folder))
    assert error.reason is Reason.INVALID_CONFIGURATION
    assert "another process" in error.message


def test_a_refused_change_leaves_nothing(desk: Desk) -> None:
    def fail_late() -> None:
        with desk.registrar.journal.change() as change:
            change.publish(change.present.content)
            change.log({"act": "nothing"})
            raise refuse(Reason.NOT_APPROVED, "after all")

    before = desk.dump()
    refusal(fail_late)
    assert desk.dump() == before
    assert desk.renew(desk.node)


def test_bundles_are_given_in_order_and_in_bounded_pieces(desk: Desk) -> None:
    first = desk.number
    for revision in range(1, 6):
        if revision % 2:
            desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=revision)
        else:
            desk.act(Act.MEMBER_RESUME, REGISTRY, "first", "second", revision=revision)
    check_bundles(desk.registrar.journal, first)
    # Opened anew it has only the newest in memory.
    desk.close()
    desk.open()
    check_bundles(desk.registrar.journal, first)


def check_bundles(journal: Journal, first: int) -> None:
    assert journal.bundles(0, 1) == ([journal.bundle.document], first + 5)
    some, last = journal.bundles(first, 1)
    assert (len(some), last) == (1, first + 1)
    every, last = journal.bundles(first, 1 << 20)
    assert (len(every), last) == (5, first + 5)
    assert journal.bundles(first + 5, 1) == ([], first + 5)
    assert journal.bundles(first + 99, 1) == ([], first + 5)


def test_a_registry_that_others_may_read_is_refused(desk: Desk) -> None:
    path = desk.folder / "registry.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert refusal(lambda: Registry.open(path)).reason is Reason.KEY_EXPOSED
    path.chmod(0o600)


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_file_that_is_no_registry_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_bytes(content)
    path.chmod(0o600)
    assert refusal(lambda: Registry.open(path)).reason is Reason.LOG_DAMAGED


def test_a_missing_registry_is_named(tmp_path: Path) -> None:
    error = refusal(lambda: Registry.open(tmp_path / "registry.sqlite"))
    assert error.reason is Reason.INVALID_CONFIGURATION


def test_an_authority_is_never_made_over_another(desk: Desk) -> None:
    error = refusal(lambda: Registry.create(desk.folder / "registry.sqlite"))
    assert error.reason is Reason.INVALID_CONFIGURATION


def test_every_party_of_the_first_day_stands_in_the_registry(desk: Desk) -> None:
    parties = {party.identity for party in desk.registrar.standing().parties}
    assert parties == {identity.uri for identity in desk.pki.parties}
    assert desk.acts()[-1]["act"] == "authority.found"
    assert desk.renew(desk.holders[NODE])
