"""Persons, over real servers: consent opens, its end closes, and the log proves when."""

import asyncio
import re
import shutil
import sqlite3
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from landbridge.agency import Role
from landbridge.commands.main import run
from landbridge.consent.binding import bind_key
from landbridge.consent.giving import Terms, write_as_desk, write_as_person
from landbridge.consent.record import WHAT, read_record
from landbridge.consent.revocation import revoke_as_desk, revoke_as_person
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, write_whole
from landbridge.log.merkle import leaf_hash, tree_root, verify_inclusion
from landbridge.query import Wanted, write_query
from landbridge.statement.signed import SignedByOne
from landbridge.v1 import answer_pb2, log_pb2
from tests.consents import instant, p256
from tests.example import ROOT
from tests.market import Market, market
from tests.node_questions import answer_of, question, refused
from tests.persons import Person, invent

TEACHERS = ROOT / "examples/teachers"
LICENSING, DEGREES, CONDUCT = "licensing.edu", "degrees.uni", "conduct.edu"
PERSON, OTHER = invent(12, seed=27560)[1:3]
PURPOSE = "hiring-check"
HOUR = 3_600_000


@asynccontextmanager
async def teachers(top: Path) -> AsyncIterator[Market]:
    """Run the example of synthetic teachers in this process."""
    shutil.copytree(TEACHERS, top / "market")
    async with market(top, write=False) as running:
        yield running


def digest_of(record: bytes) -> bytes:
    """Name a consent record as the log does, however its document is laid out."""
    return sha256(SignedByOne.parse(record, WHAT).payload).digest()


def desk_key(running: Market) -> SigningKey:
    return running.key("citizen-desk", Role.REQUESTER, KeyUse.CONSENT)


def terms(running: Market, person: Person = PERSON, **changes: Any) -> Terms:
    now = running.client._clock()
    right: dict[str, Any] = {
        "subject": person.subject,
        "requester": "tammiku-school",
        "purpose": PURPOSE,
        "datasets": (f"{LICENSING}/licences",),
        "valid_from": instant(now - HOUR),
        "valid_until": instant(now + HOUR),
        "given_at": instant(now - HOUR),
        "notice": "Told at the desk",
        "withdrawal": "At the desk",
    }
    return Terms(**(right | changes))


def consent(running: Market, person: Person = PERSON, **changes: Any) -> bytes:
    return write_as_desk(terms(running, person, **changes), desk_key(running)).to_bytes()


async def licences(
    running: Market, *consents: bytes, person: Person = PERSON, purpose: str = PURPOSE
) -> answer_pb2.DatasetAnswer:
    """Ask the licensing office's own node, as the gateway does."""
    (query,) = running.client.sign([person.subject], purpose, "P-1", consents=consents)
    return await answer_of(running, LICENSING, question(query, "licences"))


def revocation(running: Market, record: bytes) -> bytes:
    opened = read_record(SignedByOne.parse(record, WHAT).payload)
    now = instant(running.client._clock())
    return revoke_as_desk(opened, desk_key(running), revoked_at=now).to_bytes()


async def revoke(running: Market, record: bytes) -> bytes:
    """Have the desk revoke a consent, and wait until the office's node has noticed it."""
    document = revocation(running, record)
    await hand_in(running, document)
    return document


async def hand_in(running: Market, document: bytes) -> None:
    """Put a revocation into the office's folder, and wait until its node has noticed it."""
    folder = running.sandbox.state(LICENSING, Role.NODE) / "consents"
    write_whole(folder / "ended.jws.json", document, mode=0o644)
    await noticed(running)


async def noticed(running: Market, agency: str = LICENSING) -> None:
    async with asyncio.timeout(20):
        while not running.nodes[agency].documents.library.shelf.revocations:
            await asyncio.sleep(0.02)


def log_of(running: Market) -> list[tuple[bytes, log_pb2.LogEntry]]:
    return [
        (data, log_pb2.LogEntry.FromString(data)) for data in running.nodes[LICENSING].log.entries()
    ]


async def test_a_revoked_consent_stops_the_next_answer_and_the_log_proves_when(
    tmp_path: Path,
) -> None:
    async with teachers(tmp_path) as running:
        record = consent(running)
        assert (await licences(running)).outcome == Reason.CONSENT_MISSING
        given = await licences(running, record)
        assert given.outcome == Reason.ANSWERED
        assert len(given.extracts[0].records) == 1

        document = await revoke(running, record)
        after = await licences(running, record)
        assert after.outcome == Reason.CONSENT_REVOKED
        assert not after.extracts
        assert "revoked by citizen-desk" in after.detail

        # The log tells of the answer by this consent, then of its end, then of the refusal.
        entries = log_of(running)
        answers = [
            index
            for index, (_, entry) in enumerate(entries)
            if list(entry.consents) == [digest_of(record)]
        ]
        ended = [
            index
            for index, (_, entry) in enumerate(entries)
            if entry.document.digest == sha256(document).digest()
        ]
        refusals = [
            index
            for index, (_, entry) in enumerate(entries)
            if any(access.outcome == Reason.CONSENT_REVOKED for access in entry.accesses)
        ]
        assert [len(answers), len(ended), len(refusals)] == [1, 1, 1]
        assert answers < ended < refusals
        data, entry = entries[ended[0]]
        assert entry.kind == log_pb2.ENTRY_KIND_DOCUMENT
        assert entry.document.kind == log_pb2.DOCUMENT_KIND_CONSENT_REVOCATION
        times = [one.logged_at_unix_ms for _, one in entries]
        assert times[answers[0]] <= entry.logged_at_unix_ms <= times[refusals[0]]
        # And whoever has a signed head of the log can check that the entry stands in it.
        log = running.nodes[LICENSING].log
        root = tree_root([leaf_hash(each) for each, _ in entries])
        path = log.inclusion_proof(ended[0], len(entries))
        verify_inclusion(leaf_hash(data), ended[0], len(entries), path, root)

        # A restart, or the file gone, does not bring the consent back.
        await running.nodes.pop(LICENSING).stop()
        await running.restart(LICENSING)
        assert (await licences(running, record)).outcome == Reason.CONSENT_REVOKED
        # Another consent of the same person is another matter.
        assert (await licences(running, consent(running))).outcome == Reason.ANSWERED

    for path in running.sandbox.state(LICENSING, Role.NODE).glob("log*"):
        assert PERSON.number.encode() not in path.read_bytes()


async def test_a_desk_sends_a_revocation_and_it_reaches_those_whom_it_concerns(
    tmp_path: Path,
) -> None:
    async with teachers(tmp_path) as running:
        record = consent(running, datasets=(f"{LICENSING}/licences", f"{DEGREES}/degrees"))
        ended = tmp_path / "ended.jws.json"
        ended.write_bytes(revocation(running, record))
        home = str(running.sandbox.home_folder)
        words = ["memo", "send", str(ended), "--as", "citizen-desk", "--home", home]
        assert await asyncio.to_thread(run, words) == 0
        await noticed(running, LICENSING)
        await noticed(running, DEGREES)
        assert (await licences(running, record)).outcome == Reason.CONSENT_REVOKED
        (query,) = running.client.sign([PERSON.subject], PURPOSE, "P-1", consents=[record])
        other = await answer_of(running, DEGREES, question(query, "degrees"))
        assert other.outcome == Reason.CONSENT_REVOKED
        # The third register is not concerned.
        assert not running.nodes[CONDUCT].documents.library.shelf.revocations


async def test_a_revocation_that_comes_while_records_are_read_stops_that_answer_too(
    tmp_path: Path,
) -> None:
    due: list[Callable[[], object]] = []

    def read(text: str) -> None:
        if text.startswith("SELECT") and due:
            due.pop()()

    def trace(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(read)

    event.listen(Engine, "connect", trace)
    try:
        async with teachers(tmp_path) as running:
            record = consent(running)
            folder = running.sandbox.state(LICENSING, Role.NODE) / "consents"
            document = revocation(running, record)
            library = running.nodes[LICENSING].documents.library

            def notice() -> None:
                write_whole(folder / "ended.jws.json", document, mode=0o644)
                library.follow_files()

            due.append(notice)
            answer = await licences(running, record)
            assert not due, "nothing was read"
            assert answer.outcome == Reason.CONSENT_REVOKED
            assert not answer.extracts
            # So the log holds no answer by this consent behind the entry of its end.
            assert not any(entry.consents for _, entry in log_of(running))
    finally:
        event.remove(Engine, "connect", trace)


async def test_a_revocation_stays_when_its_file_goes(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        record = consent(running)
        await revoke(running, record)
        state = running.sandbox.state(LICENSING, Role.NODE)
        (state / "consents" / "ended.jws.json").unlink()
        running.nodes[LICENSING].documents.library.follow_files()
        assert (await licences(running, record)).outcome == Reason.CONSENT_REVOKED
        await running.nodes.pop(LICENSING).stop()
        await running.restart(LICENSING)
        assert (await licences(running, record)).outcome == Reason.CONSENT_REVOKED


async def test_a_person_revokes_with_a_key_of_their_own(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        key, now = p256(), running.client._clock()
        introduced = bind_key(
            key.public,
            PERSON.subject,
            valid_from=instant(now - HOUR),
            valid_until=instant(now + HOUR),
            desk=desk_key(running),
        )
        signed = write_as_person(terms(running), key, introduced, desk="citizen-desk")
        assert (await licences(running, signed.to_bytes())).outcome == Reason.ANSWERED
        record = read_record(signed.payload)
        await hand_in(running, revoke_as_person(record, key, revoked_at=instant(now)).to_bytes())
        answer = await licences(running, signed.to_bytes())
        assert answer.outcome == Reason.CONSENT_REVOKED
        assert key.public.thumbprint in answer.detail


async def test_consent_for_another_opens_nothing(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        now = running.client._clock()
        for change, why in (
            ({"person": OTHER}, "another person"),
            ({"requester": "citizen-desk"}, "it is for citizen-desk"),
            ({"purpose": "payroll"}, "it is for the purpose payroll"),
            ({"datasets": (f"{DEGREES}/degrees",)}, f"it opens nothing of {LICENSING}"),
            ({"datasets": (f"{LICENSING}/other",)}, "does not name this dataset"),
            ({"valid_from": instant(now + HOUR // 2)}, "it begins at"),
            ({"valid_until": instant(now - HOUR // 2)}, "it ended at"),
        ):
            answer = await licences(running, consent(running, **change))
            assert answer.outcome == Reason.CONSENT_REFUSED, change
            assert why in answer.detail
            assert PERSON.number not in answer.detail
        stranger = write_as_desk_of_nobody(consent(running))
        assert (await licences(running, stranger)).outcome == Reason.UNTRUSTED_KEY
        altered = consent(running).replace(b'"payload": "e', b'"payload": "f')
        assert (await licences(running, altered)).outcome == Reason.MALFORMED_CONSENT
        # No consent opens what the memoranda do not grant.
        whole = consent(running, purpose="payroll")
        assert (
            await licences(running, whole, purpose="payroll")
        ).outcome == Reason.PURPOSE_NOT_COVERED


def write_as_desk_of_nobody(record: bytes) -> bytes:
    payload = SignedByOne.parse(record, WHAT).payload
    key = SigningKey.generate("citizen-desk", KeyUse.CONSENT)
    return SignedByOne.sign(
        payload, algorithm="Ed25519", key_id=key.key_id, sign=key.sign
    ).to_bytes()


async def test_persons_are_asked_about_one_at_a_time(tmp_path: Path) -> None:
    """The client signs no batch with a person in it; node and gateway refuse one of another."""
    async with teachers(tmp_path) as running:
        payloads = [
            write_query(
                federation=running.sandbox.federation,
                requester="tammiku-school",
                subject=person.subject,
                purpose=PURPOSE,
                case_reference="P-1",
                at=running.client._clock(),
            )
            for person in (PERSON, OTHER)
        ]
        key = running.key("tammiku-school", Role.REQUESTER, KeyUse.QUERY)
        for query in sign_batch(QUERY_TYPE, payloads, key):
            asked = question(query, "licences")
            assert await refused(running, LICENSING, asked) is Reason.BULK_REFUSED
            with pytest.raises(LandbridgeError) as caught:
                await running.client.send(query)
            assert caught.value.reason is Reason.BULK_REFUSED
        with pytest.raises(LandbridgeError) as caught:
            running.client.sign([PERSON.subject, OTHER.subject], PURPOSE, "P-1")
        assert caught.value.reason is Reason.BULK_REFUSED


async def test_a_statute_needs_no_consent_and_gives_yes_or_no(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        found = {}
        for person in (PERSON, *invent(12, seed=27560)[2:3]):
            wanted = [Wanted(CONDUCT, "bans", ("banned_on",), (("day", "2020-01-01"),))]
            (query,) = running.client.sign([person.subject], PURPOSE, "P-2", wanted)
            answer = await answer_of(running, CONDUCT, question(query, "bans"))
            found[person.number] = answer
        without, banned = found.values()
        assert without.outcome == Reason.NO_RECORD
        assert [value.boolean for value in banned.extracts[0].records[0].values] == [True]
        entries = running.nodes[CONDUCT].log.entries()
        assert not any(log_pb2.LogEntry.FromString(data).consents for data in entries)


async def test_every_step_of_the_demo_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = tomllib.loads((TEACHERS / "demo.toml").read_text())["steps"]
    told: list[str] = []
    async with teachers(tmp_path) as running:
        home = running.sandbox.home_folder
        places = {"{home}": str(home), "{work}": str(tmp_path), "{folder}": str(TEACHERS)}
        monkeypatch.setenv("LANDBRIDGE_HOME", str(home))
        for step in steps:
            for command in step.get("commands", [step]):
                words = [_filled(word, places) for word in command["run"]]
                assert await asyncio.to_thread(run, words) == command.get("exits", 0), words
            told.append(capsys.readouterr().out)
    first, *_, other, ended, last, looked = told
    assert "LB-3011" in first
    assert "LB-3012" in other
    assert len(re.findall(r"in effect there since \S+, by log entry \d+", ended)) == 2
    assert "LB-3013" in last
    assert "case POST-2" in looked


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text
