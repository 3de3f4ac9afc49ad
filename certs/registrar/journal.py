"""The authority's memory: a change is checked, committed with its log entries, logged, then told.

1. In one transaction of the registry: the change, the next bundle, and the entries to be logged.
2. The entries go to the verifiable log, durably.
3. Only now is the change what everybody sees.

A crash or a full disk between 1 and 2 loses nothing: what the log lacks is logged first thing, at
the next call or the next start.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Final

import rfc8785

from certs.bundle import sign_bundle
from certs.registrar.bundle_key import load_bundle_key
from certs.registrar.folder_lock import lock_folder
from certs.registrar.present import Present
from certs.registrar.registry import Registry, forget_logged, not_logged, to_log
from landbridge.clock import Clock
from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey, public_text
from landbridge.log.store import LogStore
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import ApprovalRecord, BundleDocument
from landbridge.trust.succession import check_succession
from landbridge.v1 import log_pb2

REGISTRY_FILE: Final = "registry.sqlite"
_KEPT_AT_HAND: Final = 31
"""Bundles that are kept in memory, beside the newest."""
_DENIED_AFTER_END: Final = timedelta(hours=2)
"""Beyond the hour that everybody demands, for clocks that stand off."""


@dataclass(slots=True)
class Change:
    """One change under way: what it reads, and what it gathers for the log."""

    present: Present
    key: SigningKey = field(repr=False)
    entries: list[log_pb2.LogEntry] = field(default_factory=list)
    made: TrustBundle | None = None
    """The bundle that it makes."""

    def publish(
        self,
        content: BundleDocument,
        approvals: Sequence[ApprovalRecord] = (),
        *,
        key: SigningKey | None = None,
    ) -> int:
        """Sign the next bundle, with another key if it is given, and put it down.

        Returns its number.

        Raises:
            LandbridgeError: LB-4010 when it would not be accepted as the successor.
        """
        before, moment = self.present.content, self.present.moment
        signer = key or self.key
        document = sign_bundle(
            content.model_copy(
                update={
                    "number": before.number + 1,
                    "issued_at": max(moment, before.issued_at),
                    "approvals": tuple(approvals),
                    "bundle_key": public_text(signer.public),
                    "denied": tuple(
                        entry
                        for entry in content.denied
                        if moment < entry.until + _DENIED_AFTER_END
                    ),
                }
            ),
            signer,
        )
        bundle = TrustBundle.parse(document, signer.public)
        check_succession(before, bundle.content, at=self.present.now)
        self.present.connection.execute(
            "INSERT INTO bundle VALUES (?, ?)", (bundle.number, document)
        )
        self.made = bundle
        return bundle.number

    def log(
        self, act: bytes | dict[str, Any], signatures: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Have an act logged: the statement that administrators signed, or what was done."""
        self.entries.append(
            log_pb2.LogEntry(
                kind=log_pb2.ENTRY_KIND_ACT,
                logged_at_unix_ms=self.present.now,
                act=act if isinstance(act, bytes) else rfc8785.dumps(act),
                signatures=[
                    log_pb2.ActSignature(key_id=key_id, signature=signature)
                    for key_id, signature in signatures
                ],
                bundle_number=(self.made or self.present.bundle).number,
            )
        )


class Journal:
    """Registry and log together. Thread-safe: one change at a time; one process at a time."""

    def __init__(self, folder: Path, log: LogStore, *, clock: Clock) -> None:
        """Open the registry, and log what a crash has left unlogged.

        Raises:
            LandbridgeError: LB-1101 when another process is at work here; LB-4011 when others may
                read registry or key; LB-5001 and LB-5002 as for `change`.
        """
        self.folder = folder
        self.clock = clock
        self._log = log
        self._lock = RLock()
        self._subscribers: list[Callable[[], None]] = []
        self._lists: dict[str, bytes] = {}
        with ExitStack() as undo:
            undo.callback(os.close, lock_folder(folder))
            self._registry = Registry.open(folder / REGISTRY_FILE)
            undo.callback(self._registry.close)
            self.bundle = self._newest()
            self._recent = {self.bundle.number: self.bundle.document}
            self.key = load_bundle_key(folder, self.bundle.content.bundle_key)
            self._settle()
            self._close = undo.pop_all()

    @property
    def lists(self) -> tuple[bytes, ...]:
        """The newest revocation list of each issuing authority, in DER."""
        return tuple(self._lists.values())

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Have every later change of bundle or lists told, on the thread that made it."""
        self._subscribers.append(callback)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Make a change: whole, durable and logged when this block has ended, or not at all.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses, in which case what was decided may still
                be done; LB-5002 when registry and log do not fit together.
        """
        with self._lock:
            self._settle()
            with self._registry.writing() as connection:
                change = Change(Present(self.bundle, connection, self.clock()), self.key)
                yield change
                forget_logged(connection, self._log.size)
                to_log(connection, [entry.SerializeToString() for entry in change.entries])
            self._settle()

    @contextmanager
    def look(self) -> Iterator[Present]:
        """Read what there is; nothing that is not logged is seen.

        Raises:
            LandbridgeError: as for `change`.
        """
        with self._lock:
            self._settle()
            with self._registry.reading() as connection:
                yield Present(self.bundle, connection, self.clock())

    def bundles(self, since: int, most_bytes: int) -> tuple[list[bytes], int]:
        """Return the bundles that follow a number, as many as fit, and the number of the last.

        At least one is given if there is one; from 0 the newest alone.
        """
        at_hand = self.bundles_at_hand(since, most_bytes)
        if at_hand is not None:
            return at_hand
        with self.look() as present:
            rows = present.connection.execute(
                "SELECT number, document FROM bundle WHERE number > ? ORDER BY number", (since,)
            )
            return _cut(since, rows, most_bytes)

    def bundles_at_hand(self, since: int, most_bytes: int) -> tuple[list[bytes], int] | None:
        """Do as `bundles` does from memory alone, on any thread; None if it takes the registry.

        Those who watch all ask at the same time, for what has just come.
        """
        recent = self._recent
        newest = next(reversed(recent))
        if since >= newest:
            return [], newest
        if since == 0:
            return [recent[newest]], newest
        if since + 1 not in recent:
            return None
        return _cut(since, (item for item in recent.items() if item[0] > since), most_bytes)

    def close(self) -> None:
        """Close registry and log, once what is under way on another thread is done."""
        with self._lock:
            self._close.close()
            self._log.close()

    def _settle(self) -> None:
        """Log what is committed and not logged, then let everybody see what is committed."""
        with self._registry.reading() as connection:
            missing = not_logged(connection, self._log.size)
            if missing:
                self._log.append(missing)
            (number,) = connection.execute("SELECT max(number) FROM bundle").fetchone()
            lists = dict(connection.execute("SELECT issuer, der FROM list").fetchall())
        changed = lists != self._lists
        self._lists = lists
        if number != self.bundle.number:
            self.bundle = self._newest()
            kept = list(self._recent.items())[-_KEPT_AT_HAND:]
            self._recent = dict([*kept, (number, self.bundle.document)])
            self.key = load_bundle_key(self.folder, self.bundle.content.bundle_key)
            changed = True
        if changed:
            for callback in self._subscribers:
                callback()

    def _newest(self) -> TrustBundle:
        with self._registry.reading() as connection:
            query = "SELECT document FROM bundle ORDER BY number DESC LIMIT 1"
            row = connection.execute(query).fetchone()
        if row is None:
            raise refuse(Reason.LOG_DAMAGED, "the registry holds no trust bundle")
        return TrustBundle.parse(bytes(row[0]), None)


def _cut(
    since: int, following: Iterable[tuple[int, bytes]], most_bytes: int
) -> tuple[list[bytes], int]:
    taken: list[bytes] = []
    last, free = since, most_bytes
    for number, document in following:
        free -= len(document)
        if taken and free < 0:
            break
        taken.append(document)
        last = number
    return taken, last
