"""A node that is nothing but its log and its quotas, and a reader who counts the log anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.memorandum.grant import Quota, Window
from landbridge.memorandum.words import read_instant
from landbridge.v1 import log_pb2
from node.quota import Charge, Claim, Quotas
from node.quota_counts import Account, counted_clauses

KEY: Final = SigningKey.generate("p.a", KeyUse.LOG)
ORIGIN: Final = "p.a.town.example/node/main"
NOON: Final = read_instant("2026-06-15T12:00:00Z")
LIFETIME_MS: Final = 300_000
ACCOUNT: Final = Account("m-1", "1", "r.a", "why")
DAILY: Final = Quota(queries=3, per=Window.DAY)


class QuotaNode:
    """Takes, logs and settles as a responder does."""

    def __init__(self, folder: Path, *, every: int = 50_000) -> None:
        self.folder = folder
        self.now = NOON
        self.failures: list[Exception] = []
        self._every = every
        self.start()

    def start(self) -> None:
        """Come up from what is on the disk."""
        self.log = LogStore.open(self.folder / "log.sqlite", ORIGIN, KEY)
        self.quotas = Quotas.restore(
            self.log,
            self.folder,
            longest_ms=LIFETIME_MS,
            failed=self.failures.append,
            clock=lambda: self.now,
            every=self._every,
        )

    def kill(self) -> None:
        """Go down without a word; only what is on the disk stays."""
        self.log.close()

    def stop(self) -> None:
        self.quotas.close()
        self.log.close()

    def claim(self, query: int, account: Account = ACCOUNT) -> Claim:
        charge = Charge(query.to_bytes(32), account.memorandum, account.clause)
        return Claim(charge, account, self.now + LIFETIME_MS, self.now)

    def ask(
        self,
        query: int,
        outcome: Reason = Reason.ANSWERED,
        quotas: Sequence[Quota] = (DAILY,),
        account: Account = ACCOUNT,
    ) -> Reason:
        """Ask as a whole step of a query does; return its outcome."""
        claim = self.claim(query, account)
        try:
            self.quotas.take(claim, quotas)
        except LandbridgeError as error:
            self._append(entry(claim, error.reason))
            return error.reason
        written = entry(claim, outcome)
        self._append(written)
        self.quotas.settle([claim.charge], counted_clauses(written))
        self.quotas.write_if_due()
        return outcome

    def _append(self, written: log_pb2.LogEntry) -> None:
        self.log.append([written.SerializeToString()])

    def count(self, window: Window = Window.DAY, account: Account = ACCOUNT) -> int:
        return self.quotas.count(account, window, self.now)

    def recount(self, account: Account = ACCOUNT) -> int:
        """Count a day's queries as an auditor would who reads the whole log."""
        first: dict[bytes, int] = {}
        for data in self.log.entries():
            read = log_pb2.LogEntry.FromString(data)
            for access in read.accesses:
                named = Account(access.memorandum, access.clause, read.requester, read.purpose)
                told = (Reason.ANSWERED, Reason.NO_RECORD, Reason.TOO_MANY_RECORDS, Reason.SEALED)
                if named == account and access.outcome in told:
                    first.setdefault(read.query_digest, read.logged_at_unix_ms)
        today = to_datetime(self.now).date()
        return sum(to_datetime(at).date() == today for at in first.values())


def entry(claim: Claim, outcome: Reason) -> log_pb2.LogEntry:
    """Write what a node logs of one access."""
    written = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        logged_at_unix_ms=claim.at,
        query_digest=claim.charge.query_digest,
        requester=claim.account.requester,
        purpose=claim.account.purpose,
    )
    written.accesses.add(
        dataset="d",
        outcome=outcome.value,  # type: ignore[arg-type]
        memorandum=claim.account.memorandum,
        clause=claim.account.clause,
        released=["f"] if outcome in (Reason.ANSWERED, Reason.SEALED) else [],
    )
    return written
