"""Asks every server of a federation what it has seen of every log, and holds all of it together.

Each is asked directly, by the addresses in the trust bundle, so that nobody between them is
trusted. What witnesses have seen is asked before the heads themselves: a log that shows less than
was seen before is one that was put back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import grpc

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import parse_note
from landbridge.log.signed_head import SignedHead, read_signed_head
from landbridge.log.witnessed_head import HeadKeys, read_seen_head, verify_cosignature
from landbridge.rpc.log_service import get_checkpoint, get_consistency_proof, get_witnessed

_TIMEOUT_S: Final = 5.0


class Stands(StrEnum):
    """How what a witness has seen stands to what its log shows."""

    FITS = "fits"
    UNSEEN = "unseen"
    AWAY = "away"
    UNSOUND = "unsound"
    ROLLED_BACK = "rolled back"
    FORKED = "forked"


FINDINGS: Final = (Stands.ROLLED_BACK, Stands.FORKED)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one witness has seen of one log; `at` is Unix seconds, as the witness states it."""

    witness: str
    stands: Stands
    size: int = 0
    at: int = 0
    why: str = ""
    checkpoint: bytes = b""


@dataclass(slots=True)
class SurveyedLog:
    """One log as its owner shows it, and as its witnesses have seen it."""

    origin: str
    head: SignedHead | None = None
    away: LandbridgeError | None = None
    sights: list[Sight] = field(default_factory=list)

    @property
    def findings(self) -> list[Sight]:
        """What proves that the log was put back, or shows two histories."""
        return [one for one in self.sights if one.stands in FINDINGS]

    @property
    def is_seen_by_all(self) -> bool:
        """Whether every other server has seen this log, and all of it fits."""
        return self.head is not None and all(one.stands is Stands.FITS for one in self.sights)


class Survey:
    """Asks servers, by the origins of their logs. `now` is Unix milliseconds."""

    def __init__(
        self,
        channels: Mapping[str, grpc.aio.Channel],
        *,
        keys: HeadKeys,
        now: int,
    ) -> None:
        self._channels = channels
        self._keys = keys
        self._now = now

    async def run(self) -> list[SurveyedLog]:
        """Ask all of them, and return their logs in the order in which they were given."""
        origins = tuple(self._channels)
        seen = await asyncio.gather(*(self._seen_by(witness, origins) for witness in origins))
        by_witness = dict(zip(origins, seen, strict=True))
        return await asyncio.gather(*(self._survey(origin, by_witness) for origin in origins))

    async def _seen_by(self, witness: str, origins: Sequence[str]) -> dict[str, bytes | None]:
        """Ask one witness for all logs; None where it does not answer."""
        found: dict[str, bytes | None] = {}
        for origin in origins:
            if origin == witness:
                continue
            if None in found.values():
                found[origin] = None  # one that is away is not waited for again
                continue
            try:
                found[origin] = await get_witnessed(
                    self._channels[witness], origin, timeout=_TIMEOUT_S
                )
            except LandbridgeError:
                found[origin] = None
        return found

    async def _survey(
        self, origin: str, by_witness: Mapping[str, Mapping[str, bytes | None]]
    ) -> SurveyedLog:
        log = SurveyedLog(origin)
        try:
            shown = await get_checkpoint(self._channels[origin], timeout=_TIMEOUT_S)
            log.head = read_signed_head(shown.checkpoint, self._keys.now)
            if log.head.origin != origin:
                raise refuse(Reason.BAD_LOG_EVIDENCE, f"it shows the log {log.head.origin}")
        except LandbridgeError as error:
            log.head, log.away = None, error
        for witness, seen in by_witness.items():
            if witness != origin:
                log.sights.append(await self._sight(log, witness, seen[origin]))
        return log

    async def _sight(self, log: SurveyedLog, witness: str, data: bytes | None) -> Sight:
        if data is None:
            return Sight(witness, Stands.AWAY)
        if not data:
            return Sight(witness, Stands.UNSEEN)
        try:
            claim = read_seen_head(data, self._keys, self._now)
            at_s = self._cosigned_at(witness, data)
        except LandbridgeError as error:
            return Sight(witness, Stands.UNSOUND, why=str(error))
        if claim.origin != log.origin or at_s is None:
            return Sight(witness, Stands.UNSOUND, why="it shows no cosignature of its own on this")
        stands, why = Stands.AWAY, "the log's owner is away"
        if log.head is not None:
            stands, why = await self._hold(claim, log.head)
        return Sight(witness, stands, claim.size, at_s, why, data)

    async def _hold(self, claim: SignedHead, head: SignedHead) -> tuple[Stands, str]:
        """Hold a head that was seen against the one that its log shows."""
        if claim.size > head.size:
            return Stands.ROLLED_BACK, f"seen: {claim}; the log shows: {head}"
        try:
            path = await get_consistency_proof(
                self._channels[head.origin], claim.size, head.size, timeout=_TIMEOUT_S
            )
        except LandbridgeError as error:
            return Stands.AWAY, str(error)
        if claim.is_continued_by(head, path):
            return Stands.FITS, ""
        return Stands.FORKED, f"seen: {claim}; the log shows: {head}"

    def _cosigned_at(self, witness: str, data: bytes) -> int | None:
        note = parse_note(data)
        for line in note.signatures:
            if line.name == witness:
                at_s = verify_cosignature(note, line, self._keys.witness, self._now)
                if at_s is not None:
                    return at_s
        return None
