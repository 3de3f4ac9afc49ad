"""What the gateway does at one node for the sake of witnessing: look at its head, bring, tell."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.node_client import NodeClient
from gateway.witnessed_heads import WitnessedHeads
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import parse_note
from landbridge.log.own_log import verify_cosignature
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.signed_head import SignedHead, empty_head, kept_head, read_signed_head
from landbridge.log.store import LogStore
from landbridge.log.witness import Word
from landbridge.rpc import log_service as calls
from landbridge.rpc.live_witness import LiveWitness

_NOT_AGAIN_S: Final = 10.0
"""For how long a witness is left alone with a log that it has said something odd about."""
_AWAY: Final = frozenset({Reason.UNREACHABLE, Reason.LATE, Reason.BUSY})
_UNFIT: Final = frozenset({Reason.LOG_FORKED, Reason.BAD_LOG_EVIDENCE})


@dataclass(frozen=True, slots=True)
class Shown:
    """A log's head in one round; the owner is empty where it is the gateway's own log."""

    owner: str
    head: SignedHead


class WitnessVisit:
    """The steps at one node, and what they found. Used on one event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveWitness,
        log: LogStore,
        nodes: Mapping[str, NodeClient],
        *,
        seen: SeenSizes,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> None:
        self._live = live
        self._log = log
        self._nodes = nodes
        self._seen = seen
        self._alarms = alarms
        self._clock = clock
        self._heads: dict[str, SignedHead] = {}
        self._claims: dict[str, SignedHead] = {}
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
        head = await self._fetch(agency)
        known = await asyncio.to_thread(self._live.witness.seen, head.origin)
        before = kept_head(known.checkpoint) if known else empty_head(head.origin)
        path = await self._prove(agency, before, head)
        if path is None:
            await self._confront(agency, before)
            return
        claim = self._claims.get(agency)
        if claim is not None and await self._prove(agency, claim, head) is None:
            await self._confront(agency, claim)
            return
        line = known.line if known else b""
        if head.size > before.size:
            add = self._live.witness.add
            line = (await asyncio.to_thread(add, head.data(), before.size, path)).line
        self._claims.pop(agency, None)
        self._heads[agency] = head
        self._seen.saw(head.origin, head.size)
        self._alarms.cleared(f"log of {agency}")
        if line:
            note = parse_note(head.data() + line)
            self._gathered.gather(head, self._live.witness.origin, note.signatures[-1])

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
            word = await self._add(agency, one, old)
            if not word.line and word.seen_size != old and word.seen_size <= size:
                word = await self._add(agency, one, word.seen_size)
        except LandbridgeError as error:
            if error.reason in _AWAY:
                raise
            self._not_now(agency, origin)
            if error.reason in _UNFIT:
                await self._settle(agency, one, error)
            return
        if word.line:
            self._take(agency, one, word.line)
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
        head = read_signed_head(shown.checkpoint, self._live.keys_of)
        if not self._live.is_log_of(head.origin, agency, Role.NODE):
            raise refuse(Reason.UNTRUSTED_KEY, f"{agency} shows the log {head.origin}")
        return head

    async def _prove(self, owner: str, before: SignedHead, head: SignedHead) -> list[bytes] | None:
        """Have a log prove that a head continues another; None where it does not."""
        if head.size < before.size:
            return None
        try:
            path = await self._path(owner, before.size, head.size)
        except LandbridgeError as error:
            if error.reason in _AWAY or owner not in self._nodes:
                raise
            return None
        return path if before.is_continued_by(head, path) else None

    async def _path(self, owner: str, old: int, new: int) -> list[bytes]:
        if owner:
            return await calls.get_consistency_proof(self._nodes[owner].channel, old, new)
        if old in (0, new):
            return []
        return list(await asyncio.to_thread(self._log.consistency_proof, old, new))

    async def _confront(self, agency: str, claim: SignedHead) -> None:
        """Tell a node what was seen of its log, and raise an alarm where it cannot account for it.

        It may be one of several processes that had not noticed its newest entries yet.
        """
        self._heads.pop(agency, None)
        await calls.tell_witnessed(self._nodes[agency].channel, claim.data())
        head = await self._fetch(agency)
        if await self._prove(agency, claim, head) is not None:
            return
        if head.size < claim.size:
            error = refuse(
                Reason.LOG_ROLLED_BACK,
                f"{head.origin} shows {head.size} entries, and {claim.size} were seen before",
            )
        else:
            error = await asyncio.to_thread(self._live.witness.fork, claim, head)
        self._alarms.raised(f"log of {agency}", error)

    async def _add(self, agency: str, one: Shown, old: int) -> Word:
        path = await self._path(one.owner, old, one.head.size)
        channel = self._nodes[agency].channel
        return await calls.add_checkpoint(channel, one.head.data(), old, path)

    def _take(self, agency: str, one: Shown, data: bytes) -> None:
        """Take a cosignature, if it is this witness's on this head, made at a time that was."""
        try:
            note = parse_note(one.head.data() + data)
            line = note.signatures[-1]
            if not self._live.is_log_of(line.name, agency, Role.NODE):
                raise refuse(Reason.UNTRUSTED_KEY, f"it signs as {line.name}")
            if verify_cosignature(note, line, self._live.witness_keys, self._clock()) is None:
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
            claim = read_signed_head(seen, self._live.keys_of)
        except LandbridgeError as error:
            self._distrust(agency, one, error)
            return
        is_of_it = claim.origin == one.head.origin
        if not is_of_it or await self._prove(one.owner, claim, one.head) is not None:
            self._distrust(agency, one, cause)
            return
        self._seen.saw(claim.origin, claim.size)
        if one.owner:
            # The next look at the owner holds its log against this.
            self._claims[one.owner] = claim
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
