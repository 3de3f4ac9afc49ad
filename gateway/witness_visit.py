"""What the gateway does at one node as a witness: bring it the heads of others, tell of its own."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from gateway.head_looks import AWAY, HeadLooks, Shown
from gateway.node_client import NodeClient
from gateway.witnessed_heads import WitnessedHeads
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import NoteSignature, parse_note
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.store import LogStore
from landbridge.log.witness import Brought, Word
from landbridge.log.witnessed_head import read_seen_head, verify_cosignature
from landbridge.rpc import log_service as calls
from landbridge.rpc.live_witness import LiveWitness

_NOT_AGAIN_S: Final = 10.0
"""For how long a witness is left alone with a log that it has said something odd about."""
_UNFIT: Final = frozenset({Reason.LOG_FORKED, Reason.BAD_LOG_EVIDENCE})


class WitnessVisit:
    """The steps at one node, once its head was looked at. Used on one event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        looks: HeadLooks,
        live: LiveWitness,
        log: LogStore,
        nodes: Mapping[str, NodeClient],
        *,
        gathered: WitnessedHeads,
        seen: SeenSizes,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> None:
        self._looks = looks
        self._live = live
        self._log = log
        self._nodes = nodes
        self._gathered = gathered
        self._seen = seen
        self._alarms = alarms
        self._clock = clock
        self._not_before: dict[tuple[str, str], float] = {}

    async def bring(self, agency: str, shown: Sequence[Shown]) -> None:
        """Bring the heads that have grown to a node as their witness, all at once.

        Raises:
            LandbridgeError: LB-2xxx when the witness is away.
        """
        known = {one: self._gathered.seen_by(agency, one.head.origin) for one in shown}
        due = {
            one: old if old < one.head.size else 0
            for one, old in known.items()
            if agency != one.owner
            and old != one.head.size
            and self._may_try(agency, one.head.origin)
        }
        words = await self._add(agency, due)
        again = {
            one: word.seen_size
            for one, word in words.items()
            if isinstance(word, Word)
            and not word.line
            and known[one] != word.seen_size <= one.head.size
        }
        words |= await self._add(agency, again)
        cosigned = {
            one: word.line for one, word in words.items() if isinstance(word, Word) and word.line
        }
        await self._take(agency, cosigned)
        for one in due:
            if one not in cosigned:
                await self._not_taken(agency, one, words.get(one))

    async def tell(self, agency: str) -> None:
        """Tell a node who has cosigned its log.

        Raises:
            LandbridgeError: LB-2xxx when the node is away.
        """
        head = self._looks.head_of(agency)
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

    async def _add(
        self, agency: str, due: Mapping[Shown, int]
    ) -> dict[Shown, Word | LandbridgeError]:
        """Bring heads to a witness, each with the proof from a size; none of an unproven growth."""
        brought: dict[Shown, Brought] = {}
        for one, old in due.items():
            with suppress(LandbridgeError, KeyError):  # the next look at the owner tells of it
                path = await self._looks.shared_path(one.owner, old, one.head.size)
                brought[one] = Brought(one.head.data(), old, path)
        words: dict[Shown, Word | LandbridgeError] = {}
        for portion in _portions(tuple(brought)):
            heads = [brought[one] for one in portion]
            try:
                said = await calls.add_checkpoints(self._nodes[agency].channel, heads)
            except LandbridgeError as error:
                if error.reason in AWAY:
                    raise
                said = [error] * len(heads)
            words |= zip(portion, said, strict=True)
        return words

    async def _not_taken(
        self, agency: str, one: Shown, word: Word | LandbridgeError | None
    ) -> None:
        """Leave a witness alone for a while that has not cosigned, and find out who is right."""
        self._not_now(agency, one.head.origin)
        if isinstance(word, Word):
            seen = f"it says it has seen {word.seen_size} entries"
            await self._settle(agency, one, refuse(Reason.BAD_LOG_EVIDENCE, seen))
        elif word is not None and word.reason in _UNFIT:
            await self._settle(agency, one, word)

    async def _take(self, agency: str, cosigned: Mapping[Shown, bytes]) -> None:
        """Take cosignatures: each if it is this witness's on its head, made at a time that was."""
        if not cosigned:
            return

        def verify() -> list[NoteSignature | LandbridgeError]:
            return [self._verify(agency, one, data) for one, data in cosigned.items()]

        for one, line in zip(cosigned, await asyncio.to_thread(verify), strict=True):
            if isinstance(line, LandbridgeError):
                self._distrust(agency, one, line)
                continue
            self._gathered.note_seen(agency, one.head.origin, one.head.size)
            self._gathered.gather(one.head, line.name, line)
            self._alarms.cleared(f"witness {agency}")

    def _verify(self, agency: str, one: Shown, data: bytes) -> NoteSignature | LandbridgeError:
        try:
            note = parse_note(one.head.data() + data)
            line = note.signatures[-1]
            if not self._live.is_log_of(line.name, agency, Role.NODE):
                return refuse(Reason.UNTRUSTED_KEY, f"it signs as {line.name}")
            if verify_cosignature(note, line, self._live.keys.witness, self._clock()) is None:
                return refuse(Reason.UNTRUSTED_KEY, f"it signs with no key of {line.name}")
        except LandbridgeError as error:
            return error
        return line

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
        if not is_of_it or (await self._looks.prove(one.owner, claim, one.head)).path is not None:
            self._distrust(agency, one, cause)
            return
        self._seen.saw(claim.origin, claim.size, claim.data())
        if one.owner:
            # The next look at the owner holds its log against this.
            self._looks.claim(one.owner, claim, seen)
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


def _portions(shown: Sequence[Shown]) -> Iterator[Sequence[Shown]]:
    """Part heads into as many calls as they need."""
    for start in range(0, len(shown), calls.MOST_HEADS):
        yield shown[start : start + calls.MOST_HEADS]
