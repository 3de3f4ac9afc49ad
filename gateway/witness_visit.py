"""What the gateway does at one node for the sake of witnessing: look at its head, bring, tell."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.forked_logs import ForkedLogs
from gateway.node_client import NodeClient
from gateway.witnessed_heads import WitnessedHeads
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import parse_note
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.signed_head import (
    SignedHead,
    empty_head,
    is_still_signed,
    kept_head,
    read_signed_head,
)
from landbridge.log.store import LogStore
from landbridge.log.witness import Word
from landbridge.log.witnessed_head import read_seen_head, verify_cosignature
from landbridge.rpc import log_service as calls
from landbridge.rpc.live_witness import LiveWitness

_NOT_AGAIN_S: Final = 10.0
"""For how long a witness is left alone with a log that it has said something odd about."""
_PATIENCE_S: Final = 1.0
"""How long an owner may take to prove its growth to a witness, while others' heads wait."""
_AWAY: Final = frozenset({Reason.UNREACHABLE, Reason.LATE, Reason.BUSY})
_UNFIT: Final = frozenset({Reason.LOG_FORKED, Reason.BAD_LOG_EVIDENCE})


@dataclass(frozen=True, slots=True)
class Shown:
    """A log's head in one round; the owner is empty where it is the gateway's own log."""

    owner: str
    head: SignedHead


@dataclass(frozen=True, slots=True)
class _Claim:
    """A head that somebody has seen of a log, and the bytes that show it to the log's owner."""

    head: SignedHead
    shown: bytes


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a log gave to prove that one head continues another."""

    path: list[bytes] | None
    """None where it does not."""
    denied: LandbridgeError | None = None
    """Why it gave nothing at all, where it should have."""


class WitnessVisit:
    """The steps at one node, and what they found. Used on one event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveWitness,
        log: LogStore,
        nodes: Mapping[str, NodeClient],
        *,
        seen: SeenSizes,
        forked: ForkedLogs,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> None:
        self._live = live
        self._log = log
        self._nodes = nodes
        self._seen = seen
        self._forked = forked
        self._alarms = alarms
        self._clock = clock
        self._heads: dict[str, SignedHead] = {}
        self._claims: dict[str, _Claim] = {}
        """By owner: a head that a witness has seen of its log, until that log accounts for it."""
        self._gathered = WitnessedHeads()
        self._not_before: dict[tuple[str, str], float] = {}

    def shown(self) -> list[Shown]:
        """Return the newest head of each log: these go round together."""
        nodes = [Shown(agency, head) for agency, head in self._heads.items()]
        own = Shown("", kept_head(self._log.head()))
        return [own, *(one for one in nodes if one.owner in self._nodes)]

    async def look(self, agency: str) -> None:
        """Look at a node's head, and cosign it where it continues all that was seen of its log.

        Raises:
            LandbridgeError: LB-2xxx when the node is away; LB-5001, LB-5002 for the own disk.
        """
        anew = False
        answered = self._seen.heads  # as of before: the log must hold these by now
        head = await self._fetch(agency)
        known = await asyncio.to_thread(self._live.witness.seen, head.origin)
        before = kept_head(known.checkpoint) if known else empty_head(head.origin)
        proof = await self._prove(agency, before, head)
        if known and proof.path is None:
            bound = await asyncio.to_thread(self._live.witness.binding, head.origin)
            if bound != known:
                # A thief may have brought it: the log has to continue what was seen before.
                known = bound
                before = kept_head(bound.checkpoint) if bound else empty_head(head.origin)
                self._gathered.forget(head.origin)
                self._seen.forget(head.origin)
                proof = await self._prove(agency, before, head)
                anew = True
        if proof.path is None:
            shown = known.cosigned() if known else b""
            await self._confront(agency, _Claim(before, shown), head, proof)
            return
        came = answered.get(head.origin, b"")
        with_answers = _Claim(kept_head(came), came) if came else None
        for claim in (self._claims.get(agency), with_answers):
            if claim is None or not self._adds(claim, before, head):
                continue
            held = await self._prove(agency, claim.head, head)
            if held.path is None:
                await self._confront(agency, claim, head, held)
                return
        line = known.line if known else b""
        if head.size > before.size or anew:
            add = self._live.witness.add
            line = (await asyncio.to_thread(add, head.data(), before.size, proof.path)).line
        self._accept(agency, head, line)

    async def bring(self, agency: str, one: Shown) -> None:
        """Bring a log's head to a node as its witness.

        Raises:
            LandbridgeError: LB-2xxx when the witness is away.
        """
        origin, size = one.head.origin, one.head.size
        old = self._gathered.seen_by(agency, origin)
        if agency == one.owner or old == size or not self._may_try(agency, origin):
            return
        try:
            word = await self._add(agency, one, old if old < size else 0)
            if word is not None and not word.line and old != word.seen_size <= size:
                word = await self._add(agency, one, word.seen_size)
        except LandbridgeError as error:
            if error.reason in _AWAY:
                raise
            self._not_now(agency, origin)
            if error.reason in _UNFIT:
                await self._settle(agency, one, error)
            return
        if word is None:
            self._not_now(agency, origin)
        elif word.line:
            await self._take(agency, one, word.line)
        else:
            self._not_now(agency, origin)
            cause = refuse(Reason.BAD_LOG_EVIDENCE, f"it says it has seen {word.seen_size} entries")
            await self._settle(agency, one, cause)

    async def tell(self, agency: str) -> None:
        """Tell a node who has cosigned its log.

        Raises:
            LandbridgeError: LB-2xxx when the node is away.
        """
        head = self._heads.get(agency)
        gathered = self._gathered.untold(head.origin) if head else None
        if gathered is not None:
            count = len(gathered.lines)
            await calls.tell_witnessed(self._nodes[agency].channel, gathered.note())
            gathered.told = count

    async def tell_own(self) -> None:
        """Keep who has cosigned the gateway's log.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the own disk.
        """
        gathered = self._gathered.untold(self._log.origin)
        if gathered is not None:
            count = len(gathered.lines)
            await asyncio.to_thread(self._live.own.told, gathered.note())
            gathered.told = count

    async def _fetch(self, agency: str) -> SignedHead:
        shown = await calls.get_checkpoint(self._nodes[agency].channel)
        head = read_signed_head(shown.checkpoint, self._live.keys.now)
        if not self._live.is_log_of(head.origin, agency, Role.NODE):
            raise refuse(Reason.UNTRUSTED_KEY, f"{agency} shows the log {head.origin}")
        return head

    def _counts(self, checkpoint: bytes) -> bool:
        return is_still_signed(checkpoint, self._live.keys.past)

    def _adds(self, claim: _Claim, before: SignedHead, head: SignedHead) -> bool:
        """Whether a claim says more than what was proven already, and still counts."""
        known = any(claim.head.checkpoint == one.checkpoint for one in (before, head))
        return claim.head.origin == head.origin and not known and self._counts(claim.shown)

    def _accept(self, agency: str, head: SignedHead, line: bytes) -> None:
        """Go by a head that continues all that is known of its log."""
        self._claims.pop(agency, None)
        self._heads[agency] = head
        self._seen.saw(head.origin, head.size, head.data())
        self._forked.trust_again(head.origin)
        forked = self._forked.of_log(head.origin)
        if forked is None:
            self._alarms.cleared(f"log of {agency}")
        else:
            self._alarms.raised(f"log of {agency}", forked)
        if line:
            note = parse_note(head.data() + line)
            self._gathered.gather(head, self._live.witness.origin, note.signatures[-1])

    async def _prove(self, owner: str, before: SignedHead, head: SignedHead) -> _Proof:
        """Have a log prove that a head continues another."""
        if head.size < before.size:
            return _Proof(None)
        try:
            path = await self._path(owner, before.size, head.size)
        except LandbridgeError as error:
            if error.reason in _AWAY or owner not in self._nodes:
                raise
            return _Proof(None, error)
        return _Proof(path if before.is_continued_by(head, path) else None)

    async def _path(
        self, owner: str, old: int, new: int, *, timeout: float = 5 * _PATIENCE_S
    ) -> list[bytes]:
        if owner:
            channel = self._nodes[owner].channel
            return await calls.get_consistency_proof(channel, old, new, timeout=timeout)
        if old in (0, new):
            return []
        return list(await asyncio.to_thread(self._log.consistency_proof, old, new))

    async def _confront(self, agency: str, claim: _Claim, head: SignedHead, proof: _Proof) -> None:
        """Tell a node what was seen of its log, and raise an alarm where it cannot account for it.

        It may be one of several processes that had not noticed its newest entries yet. One that
        does not listen, or does not answer any more, is named by what it has shown.
        """
        self._heads.pop(agency, None)
        with suppress(LandbridgeError):
            await calls.tell_witnessed(self._nodes[agency].channel, claim.shown)
        with suppress(LandbridgeError):
            newer = await self._fetch(agency)
            again = await self._prove(agency, claim.head, newer)
            if again.path is not None:
                return
            head, proof = newer, again
        if head.size < claim.head.size:
            error = refuse(
                Reason.LOG_ROLLED_BACK,
                f"{head.origin} shows {head.size} entries, and {claim.head.size} were seen before",
            )
        elif proof.denied is not None:
            error = refuse(
                Reason.LOG_FORKED,
                f"{head.origin} does not prove that its {head} continue its {claim.head}:"
                f" {proof.denied.code} {proof.denied.message}",
            )
            self._forked.doubt(head.origin, error)
        else:
            error = await asyncio.to_thread(self._live.witness.fork, claim.head, head)
            await asyncio.to_thread(self._forked.refresh)
        self._alarms.raised(f"log of {agency}", error)

    async def _add(self, agency: str, one: Shown, old: int) -> Word | None:
        """Bring a head to a witness; None where its owner does not prove its growth now."""
        try:
            path = await self._path(one.owner, old, one.head.size, timeout=_PATIENCE_S)
        except (LandbridgeError, KeyError):
            return None  # the next look at the owner tells of it
        channel = self._nodes[agency].channel
        return await calls.add_checkpoint(channel, one.head.data(), old, path)

    async def _take(self, agency: str, one: Shown, data: bytes) -> None:
        """Take a cosignature, if it is this witness's on this head, made at a time that was."""
        try:
            note = parse_note(one.head.data() + data)
            line = note.signatures[-1]
            if not self._live.is_log_of(line.name, agency, Role.NODE):
                raise refuse(Reason.UNTRUSTED_KEY, f"it signs as {line.name}")
            keys, now = self._live.keys.witness, self._clock()
            if await asyncio.to_thread(verify_cosignature, note, line, keys, now) is None:
                raise refuse(Reason.UNTRUSTED_KEY, f"it signs with no key of {line.name}")
        except LandbridgeError as error:
            self._distrust(agency, one, error)
            return
        self._gathered.note_seen(agency, one.head.origin, one.head.size)
        self._gathered.gather(one.head, line.name, line)
        self._alarms.cleared(f"witness {agency}")

    async def _settle(self, agency: str, one: Shown, cause: LandbridgeError) -> None:
        """Ask a witness that does not take a head what it has seen instead, and find who is right.

        Where that is signed by the log and does not fit the head, the log's owner is told.
        """
        seen = await calls.get_witnessed(self._nodes[agency].channel, one.head.origin)
        try:
            claim = read_seen_head(seen, self._live.keys, self._clock())
        except LandbridgeError as error:
            self._distrust(agency, one, error)
            return
        is_of_it = claim.origin == one.head.origin
        if not is_of_it or (await self._prove(one.owner, claim, one.head)).path is not None:
            self._distrust(agency, one, cause)
            return
        self._seen.saw(claim.origin, claim.size, claim.data())
        if one.owner:
            # The next look at the owner holds its log against this.
            self._claims[one.owner] = _Claim(claim, seen)
            with suppress(LandbridgeError):
                await calls.tell_witnessed(self._nodes[one.owner].channel, seen)
        else:
            await asyncio.to_thread(self._live.own.told, seen)

    def _distrust(self, agency: str, one: Shown, why: LandbridgeError) -> None:
        self._not_now(agency, one.head.origin)
        self._alarms.raised(
            f"witness {agency}",
            refuse(why.reason, f"its word on {one.head.origin} does not count: {why.message}"),
        )

    def _may_try(self, agency: str, origin: str) -> bool:
        return self._not_before.get((agency, origin), 0.0) <= asyncio.get_running_loop().time()

    def _not_now(self, agency: str, origin: str) -> None:
        self._not_before[agency, origin] = asyncio.get_running_loop().time() + _NOT_AGAIN_S
