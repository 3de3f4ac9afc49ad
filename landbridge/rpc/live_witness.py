"""What a process is among the federation's logs: a witness of others, and witnessed by them."""

import asyncio
from collections.abc import Sequence
from typing import Final

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.own_log import OwnLog
from landbridge.log.store import LogStore
from landbridge.log.witness import Witness
from landbridge.log.witness_file import WitnessFile
from landbridge.log.witnessed_head import HeadKeys
from landbridge.party import PartyFolder
from landbridge.rpc.follower import Follower
from landbridge.rpc.log_service import LogService
from landbridge.v1 import log_service_pb2_grpc

OWN_LOG: Final = "own log"
_FORKED: Final = "forked log"
_HEADS: Final = "heads of logs"
_INTERVAL_S: Final = 1.0
"""How soon it is noticed that another process was told, or that a log was put right."""
_WITNESSES: Final = (Role.GATEWAY, Role.NODE)


class LiveWitness:
    """A process's file of heads, and what follows from it. Stop it on its event loop."""

    def __init__(
        self, party: PartyFolder, log: LogStore, *, alarms: Alarms, clock: Clock = system_clock
    ) -> None:
        """Hold the log against what others had seen of it; it is halted where it lacks that.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for `witness.sqlite` and the log.
        """
        self._trust = party.trust
        self._alarms = alarms
        self._clock = clock
        self.keys = HeadKeys(self.keys_of, self.past_keys, self.witness_keys)
        self.file = WitnessFile.open(party.folder)
        try:
            self.witness = Witness(
                self.file,
                log.origin,
                party.signing_key(KeyUse.LOG),
                self.keys.now,
                self.keys.past,
                told=self.refused,
                clock=clock,
            )
            self.own = OwnLog(log, self.file, keys=self.keys, changed=self._changed, clock=clock)
        except BaseException:
            self.file.close()
            raise
        self._service = LogService(log, self.own, self.witness, refused=self.refused)
        self._follower = Follower(self._follow, name="own log", interval_s=_INTERVAL_S)

    def serve_on(self, server: grpc.aio.Server) -> None:
        """Let a server tell of heads and take them."""
        log_service_pb2_grpc.add_LogServiceServicer_to_server(self._service, server)

    def start(self) -> None:
        """Begin to follow the log."""
        self._follower.start()

    async def stop(self) -> None:
        """Follow no more, and close the file."""
        await self._follower.stop()
        await asyncio.to_thread(self._service.close)
        self.file.close()

    def use_key(self, key: SigningKey) -> None:
        """Cosign with the log's next key from now on; keys for other uses pass."""
        if key.use is KeyUse.LOG:
            self.witness.use_key(key)

    def keys_of(self, origin: str) -> Sequence[Ed25519PublicKey]:
        """Return the keys of a log that are good now.

        Raises:
            LandbridgeError: LB-4002 when the log is not listed or no key of it is good.
        """
        return self._trust.current.bundle.log_keys(origin, self._clock())[2]

    def past_keys(self, origin: str, at: int | None) -> Sequence[Ed25519PublicKey]:
        """Return the keys of a log for what was seen of it earlier (`PastKeys`).

        Raises:
            LandbridgeError: LB-4002 when the log is not listed.
        """
        return self._trust.current.bundle.past_log_keys(origin, at)

    def is_log_of(self, origin: str, agency: str, role: Role) -> bool:
        """Tell whether a log is an agency's in a role, as the trust bundle lists it now."""
        try:
            owner, its_role, _ = self._trust.current.bundle.log_keys(origin, self._clock())
        except LandbridgeError:
            return False
        return (owner, its_role) == (agency, role)

    def witness_keys(self, name: str, at: int) -> Sequence[Ed25519PublicKey]:
        """Return the keys with which a witness cosigned at a time.

        Raises:
            LandbridgeError: LB-4002 when nobody of that name may cosign.
        """
        _, role, keys = self._trust.current.bundle.log_keys(name, at)
        if role not in _WITNESSES:
            raise refuse(Reason.UNTRUSTED_KEY, f"{name} is no witness: it is a {role}")
        return keys

    def refused(self, error: LandbridgeError) -> None:
        """Raise an alarm where a head proves that its log shows two histories."""
        if error.reason is Reason.LOG_FORKED:
            self._alarms.raised(_FORKED, error)

    def _follow(self) -> None:
        try:
            # Another process of this party may have been told, or a person restored the log.
            self.own.look_again()
        except LandbridgeError as error:
            self._alarms.raised(_HEADS, error)
        else:
            self._alarms.cleared(_HEADS)

    def _changed(self, error: LandbridgeError | None) -> None:
        if error is None:
            self._alarms.cleared(OWN_LOG)
        else:
            self._alarms.raised(OWN_LOG, error)
