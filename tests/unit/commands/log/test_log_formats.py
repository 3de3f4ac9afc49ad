"""`landbridge log verify`, `export` and `prove`, as an outsider with a bundle uses them."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from certs.federation import PartyPlan, create_federation
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.cosignature import Cosigner, attach
from landbridge.log.note import NoteVerifier, parse_note
from landbridge.log.signed_head import kept_head
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.party import PartyFolder
from landbridge.v1 import log_pb2

Captured = pytest.CaptureFixture[str]
USES = (KeyUse.LOG, KeyUse.MEMORANDUM)
PLANS = [PartyPlan(name, Role.NODE, name.title(), USES) for name in ("registry", "court")]
PLANS.append(PartyPlan("exchange", Role.GATEWAY, "Exchange", (KeyUse.LOG,)))


@dataclass
class Place:
    """A registry with a log, the bundle in an outsider's hand, and the keys of two witnesses."""

    folder: Path
    bundle: Path
    log: LogStore
    witnesses: dict[str, Cosigner]

    @property
    def state(self) -> Path:
        return self.log._writer.path.parent

    def entries(self, count: int, at: int | None = None) -> None:
        now = system_clock() if at is None else at
        self.log.append(
            [
                log_pb2.LogEntry(
                    kind=log_pb2.ENTRY_KIND_ANSWER,
                    logged_at_unix_ms=now,
                    query_digest=b"%d" % number,
                ).SerializeToString()
                for number in range(count)
            ]
        )

    def cosign(self, tiles: Path, at_s: int, *names: str) -> None:
        """Let witnesses cosign what is published, as its publisher would write it."""
        note = parse_note((tiles / "checkpoint").read_bytes())
        lines = [self.witnesses[name].cosign(note, at_s) for name in names]
        (tiles / "checkpoint").write_bytes(attach(note, lines))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = create_federation(tmp_path / "parties", "town.example", PLANS)
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(made.publish().document)
    roles = {"registry": Role.NODE, "court": Role.NODE, "exchange": Role.GATEWAY}
    party = PartyFolder.open(made.state("registry", Role.NODE))
    log = party.open_log(Identity("registry", "town.example", Role.NODE, "main"))
    witnesses = {}
    for name, role in roles.items():
        origin = f"{name}.town.example/{role}/main"
        state = made.state(name, role)
        witnesses[name] = Cosigner(origin, SigningKey.load(state / "keys" / "log.key"))
    place = Place(tmp_path, bundle, log, witnesses)
    place.entries(300)
    yield place
    log.close()


def told(captured: Captured) -> tuple[list[str], str]:
    shown = captured.readouterr()
    return shown.out.splitlines(), shown.err


def verify(place: Place, log: Path, *more: str) -> int:
    return run(["log", "verify", str(log), "--bundle", str(place.bundle), *more])


def test_a_log_and_its_tiles_are_verified_by_whoever_has_the_bundle(
    place: Place, capsys: Captured
) -> None:
    tiles = place.folder / "tiles"
    assert run(["log", "export", str(place.state), "--to", str(tiles)]) == 0
    assert told(capsys)[0] == [
        "registry.town.example/node/main: 300 entries published, 300 new, 6 files"
    ]
    for log in (place.state, place.state / "log.sqlite", tiles):
        assert verify(place, log) == 0
        lines, talk = told(capsys)
        assert [line[5:].split()[0] for line in lines] == ["head", "entries", "tiles", "witnesses"]
        assert lines[0].startswith("[ok] head       registry.town.example/node/main signed")
        assert lines[-1].startswith("[--] witnesses  none has cosigned")
        assert talk == ""
    # The bundle in the party's own folder serves where no other is named.
    assert run(["log", "verify", str(place.state), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["verified"], document["size"], len(document["root"])) == (True, 300, 64)
    key = str(NoteVerifier(place.log.origin, place.log.signer))
    assert run(["log", "verify", str(tiles), "--key", key]) == 0
    other = str(NoteVerifier(place.log.origin, place.witnesses["court"].verifier.public))
    assert run(["log", "verify", str(tiles), "--key", other]) == 4


def test_what_was_kept_earlier_unmasks_a_fork_and_a_smaller_log(
    place: Place, capsys: Captured
) -> None:
    head = place.folder / "head"
    head.write_bytes(place.log.head())
    older = place.folder / "older"
    older.mkdir()
    shutil.copy(place.state / "log.sqlite", older)
    for name in ("log.sqlite-wal", "log.sqlite-shm"):
        shutil.copy(place.state / name, older)
    place.entries(2)
    newer = place.folder / "newer"
    newer.write_bytes(place.log.head())
    assert verify(place, place.state, "--since", str(head), "--since", str(newer)) == 0
    assert "continues the 2 heads" in "\n".join(told(capsys)[0])
    assert verify(place, older, "--since", str(newer)) == 1
    assert told(capsys)[1].startswith("LB-5003  ")
    fork = place.folder / "fork.sqlite"
    key = SigningKey.load(place.state / "keys" / "log.key")
    forked = LogStore.open(fork, place.log.origin, key)
    forked.append([log_pb2.LogEntry(logged_at_unix_ms=system_clock()).SerializeToString()] * 400)
    forked.close()
    assert verify(place, fork, "--since", str(head), "-o", "json") == 4
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["verified"], document["code"]) == (False, "LB-4302")
    assert document["message"].count("...") == 2
    assert err.startswith("LB-4302  ")
    tiles = place.folder / "tiles"
    assert run(["log", "export", str(place.state), "--to", str(tiles)]) == 0
    assert run(["log", "export", str(fork), "--to", str(tiles)]) == 4


def test_witnesses_are_counted_by_agency_and_liars_are_named(
    place: Place, capsys: Captured
) -> None:
    tiles, now = place.folder / "tiles", system_clock() // 1000
    assert run(["log", "export", str(place.state), "--to", str(tiles)]) == 0
    place.cosign(tiles, now, "court", "exchange", "registry")
    assert verify(place, tiles, "--witnesses", "2", "-o", "json") == 0
    lines = capsys.readouterr().out
    document = json.loads(lines[lines.index("{") :])
    assert document["witnesses"] == {"court.town.example": now, "exchange.town.example": now}
    # What a log says of itself is not a witness's word.
    assert verify(place, tiles, "--witnesses", "3") == 4
    assert "2 of 3 wanted members have cosigned" in told(capsys)[1]
    place.cosign(tiles, now + 3600, "court")
    assert verify(place, tiles, "--witnesses", "2") == 4
    error = told(capsys)[1]
    assert "1 of 2 wanted members have cosigned: exchange.town.example" in error
    assert "of the future: 3600 s ahead" in error.replace("3599 s", "3600 s")


def test_what_a_party_gathered_of_its_witnesses_goes_out_with_its_log(
    place: Place, capsys: Captured
) -> None:
    tiles, now = place.folder / "tiles", system_clock() // 1000
    witnessed = kept_head(place.log.head())
    lines = {
        name: (place.witnesses[name].cosign(witnessed.note, now), now)
        for name in ("court", "exchange")
    }
    with closing(WitnessFile.open(place.state)) as file:
        file.keep_cosigned(witnessed, lines)
    place.entries(5)
    state, file_of_proof = str(place.state), place.folder / "7.tlog-proof"
    assert run(["log", "export", state, "--to", str(tiles), "--witnesses", "2"]) == 0
    assert verify(place, tiles, "--witnesses", "2") == 0
    assert "300 entries" in told(capsys)[0][0]
    assert verify(place, place.state, "--witnesses", "2", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["size"], len(document["witnesses"])) == (305, 2)
    assert document["checks"][-1]["result"].endswith(" cosigned")
    # Heads that were kept elsewhere count as well, if the log continues them.
    kept = place.folder / "kept"
    note = parse_note(place.log.head())
    kept.write_bytes(attach(note, [place.witnesses["court"].cosign(note, now - 5)]))
    (place.folder / "bare").mkdir()
    for name in ("log.sqlite", "log.sqlite-wal", "log.sqlite-shm"):
        shutil.copy(place.state / name, place.folder / "bare")
    bare = place.folder / "bare"
    assert verify(place, bare, "--witnesses", "1") == 4
    assert verify(place, bare, "--witnesses", "1", "--since", str(kept)) == 0
    capsys.readouterr()
    # Whoever does not insist on witnesses gets the newest head.
    assert run(["log", "export", state, "--to", str(tiles)]) == 0
    assert verify(place, tiles) == 0
    assert "305 entries" in told(capsys)[0][1]
    assert run(["log", "prove", state, "7", "--to", str(file_of_proof)]) == 0
    assert run(["verify", str(file_of_proof), "--bundle", str(place.bundle)]) == 0
    assert "[ok] witnesses  court.town.example" in told(capsys)[0][-1]
    assert run(["log", "prove", state, "303", "--witnesses", "2"]) == 2
    assert "is over 300 entries" in told(capsys)[1]
    assert run(["log", "export", state, "--to", str(tiles), "--witnesses", "2"]) == 1
    assert "a head over 300 does not follow" in told(capsys)[1]


def test_entries_of_the_future_and_of_another_form_are_refused(
    place: Place, capsys: Captured
) -> None:
    place.entries(1, at=system_clock() + 3_600_000)
    place.entries(1)
    assert verify(place, place.state) == 4
    assert "entry 300 is of the future" in told(capsys)[1]
    place.log.append([b"\xff"])
    assert verify(place, place.state) == 4
    assert "entry 302 is not a log entry" in told(capsys)[1]
    # As a log of anybody it is sound all the same.
    key = str(NoteVerifier(place.log.origin, place.log.signer))
    assert run(["log", "verify", str(place.state), "--key", key]) == 0


def test_a_proof_is_a_file_of_its_own(place: Place, capsys: Captured) -> None:
    file = place.folder / "entry.tlog-proof"
    assert run(["log", "prove", str(place.state), "7", "--to", str(file)]) == 0
    assert "landbridge verify" in told(capsys)[1]
    assert file.stat().st_size < 2048
    assert run(["verify", str(file), "--bundle", str(place.bundle)]) == 0
    lines, _ = told(capsys)
    assert [line[5:].split()[0] for line in lines] == ["head", "entry", "witnesses"]
    assert run(["log", "prove", str(place.state), "7"]) == 0
    assert capsys.readouterr().out == file.read_text()
    changed = file.read_text().replace("index 7\n", "index 8\n")
    file.write_text(changed)
    assert run(["verify", str(file), "--bundle", str(place.bundle), "-o", "json"]) == 4
    assert json.loads(capsys.readouterr().out)["code"] == "LB-4008"
    for index in ("300", "-1"):
        assert run(["log", "prove", str(place.state), index]) == 2
    capsys.readouterr()
    assert run(["log", "prove", str(place.state), "7", "--without-entry", "--to", str(file)]) == 0
    assert "extra" not in file.read_text()
    assert run(["verify", str(file), "--bundle", str(place.bundle)]) == 4
    assert "does not carry the entry" in told(capsys)[1]


def test_the_published_log_follows_the_log_until_it_is_told_to_stop(
    place: Place, capsys: Captured
) -> None:
    tiles = place.folder / "tiles"
    command = [Path(sys.executable).with_name("landbridge"), "log", "export", place.state]
    options = ["--to", tiles, "--follow", "--every", "50ms", "-o", "ndjson"]
    # What stands in the way may go: a publisher that follows waits for it.
    tiles.write_text("in the way")
    follower = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert follower.stdout is not None
        assert follower.stderr is not None
        assert follower.stderr.readline().endswith("Not a directory; trying again\n")
        tiles.unlink()
        sizes = [json.loads(follower.stdout.readline())["size"]]
        place.entries(20)
        sizes.append(json.loads(follower.stdout.readline())["size"])
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(20) == 0
    finally:
        follower.kill()
        follower.communicate()
    assert sizes == [300, 320]
    assert verify(place, tiles) == 0
    assert "320 entries" in told(capsys)[0][0]


def test_what_cannot_be_read_or_written_is_said(place: Place, capsys: Captured) -> None:
    assert run(["log", "verify", str(place.folder / "nowhere"), "--bundle", "x"]) == 2
    assert run(["log", "verify", str(place.state), "--bundle", "x"]) == 2
    assert run(["log", "verify", str(place.state), "--key", "x"]) == 1
    assert verify(place, place.state, "--since", str(place.folder / "nowhere")) == 2
    in_a_file = str(place.bundle / "within")
    assert run(["log", "export", str(place.state), "--to", in_a_file]) == 1
    assert run(["log", "prove", str(place.state), "1", "--to", in_a_file]) == 2
    assert run(["log", "export", str(place.state), "--to", "x", "--witnesses", "1"]) == 1
    assert "no head of registry.town.example/node/main has 1 cosignature yet" in told(capsys)[1]
