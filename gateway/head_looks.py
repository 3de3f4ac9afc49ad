"""Looks at the heads of the nodes' logs: each has to continue all that was seen of its log."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.forked_logs import ForkedLogs
from gateway.node_client import NodeClient
from gateway.witnessed_heads import WitnessedHeads
from landbridge.agency import Role
from landbridge.alarm import Alarms
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
from landbridge.rpc import log_service as calls
from landbridge.rpc.live_witness import LiveWitness

PATIENCE_S: Final = 1.0
"""How long an owner may take to prove its growth to a witness, while others' heads wait."""
AWAY: Final = frozenset({Reason.UNREACHABLE, Reason.LATE, Reason.BUSY})


@dataclass(frozen=True, slots=True, eq=False)
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
class _Read:
    """The bytes of a head, the keys of its log when they verified, and the head."""

    shown: bytes
    keys: Sequence[Ed25519PublicKey]
    head: SignedHead


@dataclass(frozen=True, slots=True)
class Proof:
    """What a log gave to prove that one head continues another."""

    path: list[bytes] | None
    """None where it does not."""
    denied: LandbridgeError | None = None
    """Why it gave nothing at all, where it should have."""


class HeadLooks:
    """The newest head of each log, and what others have seen of it. Used on one event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveWitness,
        log: LogStore,
        nodes: Mapping[str, NodeClient],
        *,
        gathered: WitnessedHeads,
        seen: SeenSizes,
        forked: ForkedLogs,
        alarms: Alarms,
    ) -> None:
        self._live = live
        self._log = log
        self._nodes = nodes
        self._gathered = gathered
        self._seen = seen
        self._forked = forked
        self._alarms = alarms
        self._heads: dict[str, SignedHead] = {}
        self._claims: dict[str, _Claim] = {}
        """By owner: a head that a witness has seen of its log, until that log accounts for it."""
        self._paths: dict[tuple[str, int, int], asyncio.Future[list[bytes]]] = {}
        """By owner and two sizes: what this round has fetched."""
        self._read_last: dict[str, _Read] = {}
        """By owner: what it has shown last, for as long as it shows the same."""

    def head_of(self, agency: str) -> SignedHead | None:
        """Return the newest head of a node's log, where it has shown one that fits."""
        return self._heads.get(agency)

    def claim(self, owner: str, head: SignedHead, shown: bytes) -> None:
        """Have the next look at a node hold its log against a head that a witness has seen.

        `shown` are the bytes that show it to the node.
        """
        self._claims[owner] = _Claim(head, shown)

    def shown(self) -> list[Shown]:
        """Return the newest head of each log: these go round together."""
        nodes = [Shown(agency, head) for agency, head in self._heads.items()]
        own = Shown("", kept_head(self._log.head()))
        self._forget_paths("")
        return [own, *(one for one in nodes if one.owner in self._nodes)]

    async def look(self, agency: str) -> None:
        """Look at a node's head, and cosign it where it continues all that was seen of its log.

        Raises:
            LandbridgeError: LB-2xxx when the node is away; LB-5001, LB-5002 for the own disk.
        """
        anew = False
        self._forget_paths(agency)
        answered = self._seen.heads  # as of before: the log must hold these by now
        head = await self._fetch(agency)
        known = await asyncio.to_thread(self._live.witness.seen, head.origin)
        before = kept_head(known.checkpoint) if known else empty_head(head.origin)
        proof = await self.prove(agency, before, head)
        if known and proof.path is None:
            bound = await asyncio.to_thread(self._live.witness.binding, head.origin)
            if bound != known:
                # A thief may have brought it: the log has to continue what was seen before.
                known = bound
                before = kept_head(bound.checkpoint) if bound else empty_head(head.origin)
                self._gathered.forget(head.origin)
                self._seen.forget(head.origin)
                proof = await self.prove(agency, before, head)
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
            held = await self.prove(agency, claim.head, head)
            if held.path is None:
                await self._confront(agency, claim, head, held)
                return
        line = known.line if known else b""
        if head.size > before.size or anew:
            add = self._live.witness.add
            line = (await asyncio.to_thread(add, head.data(), before.size, proof.path)).line
        fetched: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        fetched.set_result(proof.path)
        self._paths[agency, before.size, head.size] = fetched
        self._accept(agency, head, line)

    async def prove(self, owner: str, before: SignedHead, head: SignedHead) -> Proof:
        """Have a log prove that a head continues another; no owner: the gateway's own log.

        Raises:
            LandbridgeError: LB-2xxx when the log's owner is away.
            KeyError: when it is a member no more.
        """
        if head.size < before.size:
            return Proof(None)
        try:
            path = await self.path(owner, before.size, head.size)
        except LandbridgeError as error:
            if error.reason in AWAY or owner not in self._nodes:
                raise
            return Proof(None, error)
        return Proof(path if before.is_continued_by(head, path) else None)

    async def path(
        self, owner: str, old: int, new: int, *, timeout: float = 5 * PATIENCE_S
    ) -> list[bytes]:
        """Fetch what proves that a log of one size continues one of another, unverified.

        Raises:
            LandbridgeError: the owner's reason; LB-2xxx when it is away.
        """
        if owner:
            channel = self._nodes[owner].channel
            return await calls.get_consistency_proof(channel, old, new, timeout=timeout)
        if old in (0, new):
            return []
        return list(await asyncio.to_thread(self._log.consistency_proof, old, new))

    async def shared_path(self, owner: str, old: int, new: int) -> list[bytes]:
        """Return what `path` does; fetched once a round, for all witnesses that have seen as much.

        Raises:
            LandbridgeError: as for `path`.
            KeyError: when the log's owner is a member no more.
        """
        key = (owner, old, new)
        if key not in self._paths:
            self._paths[key] = asyncio.create_task(self.path(owner, old, new, timeout=PATIENCE_S))
        # Where one witness's visit is cancelled, the others go on waiting.
        return await asyncio.shield(self._paths[key])

    def _forget_paths(self, owner: str) -> None:
        self._paths = {key: path for key, path in self._paths.items() if key[0] != owner}

    async def _fetch(self, agency: str) -> SignedHead:
        shown = await calls.get_checkpoint(self._nodes[agency].channel)
        head = self._read(agency, shown.checkpoint)
        if not self._live.is_log_of(head.origin, agency, Role.NODE):
            raise refuse(Reason.UNTRUSTED_KEY, f"{agency} shows the log {head.origin}")
        return head

    def _read(self, agency: str, shown: bytes) -> SignedHead:
        """Read and verify a head, once for as long as the same one comes under the same keys."""
        now = self._live.keys.now
        last = self._read_last.get(agency)
        if last and last.shown == shown and last.keys == now(last.head.origin):
            return last.head
        asked: list[Sequence[Ed25519PublicKey]] = []

        def keys_of(origin: str) -> Sequence[Ed25519PublicKey]:
            asked.append(now(origin))
            return asked[-1]

        head = read_signed_head(shown, keys_of)
        self._read_last[agency] = _Read(shown, asked[-1], head)
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

    async def _confront(self, agency: str, claim: _Claim, head: SignedHead, proof: Proof) -> None:
        """Tell a node what was seen of its log, and raise an alarm where it cannot account for it.

        It may be one of several processes that had not noticed its newest entries yet. One that
        does not listen, or does not answer any more, is named by what it has shown.
        """
        self._heads.pop(agency, None)
        with suppress(LandbridgeError):
            await calls.tell_witnessed(self._nodes[agency].channel, claim.shown)
        with suppress(LandbridgeError):
            newer = await self._fetch(agency)
            again = await self.prove(agency, claim.head, newer)
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
