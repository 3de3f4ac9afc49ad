"""A consent that ends while the answer by it is being made: the answer does not leave."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from landbridge.agency import Role
from landbridge.consent.record import WHAT, read_record
from landbridge.consent.revocation import revoke_as_desk
from landbridge.errors import Reason
from landbridge.keys import write_whole
from landbridge.statement.signed import SignedByOne
from landbridge.v1 import log_pb2
from node.reader import Reader
from node.task import Task
from tests.consents import instant
from tests.integration.test_persons import (
    LICENSING,
    PERSON,
    PURPOSE,
    consent,
    desk_key,
    digest_of,
    licences,
    teachers,
)
from tests.market import Market
from tests.node_questions import answer_of, question, refused


class Interrupted:
    """Reads, and has something happen before the answer is written for the first time."""

    def __init__(self, reader: Reader, happening: Callable[[], None]) -> None:
        self._reader = reader
        self._happening: Callable[[], None] | None = happening

    def read(self, tasks: Sequence[Task]) -> None:
        self._reader.read(tasks)
        happening, self._happening = self._happening, None
        if happening:
            happening()


def ending(running: Market, record: bytes) -> Callable[[], None]:
    """Return what ends a consent and has the node notice it at once."""
    opened = read_record(SignedByOne.parse(record, WHAT).payload)
    now = instant(running.client._clock())
    document = revoke_as_desk(opened, desk_key(running), revoked_at=now).to_bytes()

    def happen() -> None:
        folder = running.sandbox.state(LICENSING, Role.NODE) / "consents"
        write_whole(folder / "ended.jws.json", document, mode=0o644)
        assert running.nodes[LICENSING].documents.library.follow_files()

    return happen


async def test_no_answer_stands_in_the_log_behind_the_end_of_its_consent(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        record = consent(running)
        responder = running.nodes[LICENSING].dispatcher._responder
        interrupted = Interrupted(responder._reader, ending(running, record))
        responder._reader = cast(Reader, interrupted)
        answer = await licences(running, record)
        assert answer.outcome == Reason.CONSENT_REVOKED
        assert not answer.extracts
        entries = [
            log_pb2.LogEntry.FromString(data) for data in running.nodes[LICENSING].log.entries()
        ]
        assert not any(digest_of(record) in entry.consents for entry in entries)
        *_, end, refused = entries
        assert end.document.kind == log_pb2.DOCUMENT_KIND_CONSENT_REVOCATION
        assert [access.outcome for access in refused.accesses] == [Reason.CONSENT_REVOKED]
        assert [access.records for access in refused.accesses] == [0]


async def test_the_end_of_another_consent_changes_nothing(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        record, another = consent(running), consent(running)
        responder = running.nodes[LICENSING].dispatcher._responder
        interrupted = Interrupted(responder._reader, ending(running, another))
        responder._reader = cast(Reader, interrupted)
        answer = await licences(running, record)
        assert answer.outcome == Reason.ANSWERED
        *_, entry = running.nodes[LICENSING].log.entries()
        assert list(log_pb2.LogEntry.FromString(entry).consents) == [digest_of(record)]


async def test_documents_that_take_long_hold_back_only_answers_by_consent(tmp_path: Path) -> None:
    async with teachers(tmp_path) as running:
        lock = running.nodes[LICENSING].documents.library.lock
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with lock:
                held.set()
                done.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        try:
            assert held.wait(10)
            record = consent(running)
            (query,) = running.client.sign([PERSON.subject], PURPOSE, "P-1", consents=[record])
            asked = question(query, "licences")
            assert await refused(running, LICENSING, asked) is Reason.BUSY
            assert (await licences(running)).outcome == Reason.CONSENT_MISSING
        finally:
            done.set()
            holder.join()
        assert (await answer_of(running, LICENSING, asked)).outcome == Reason.ANSWERED
