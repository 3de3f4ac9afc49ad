"""A party's line to the federation's authority: renew, acknowledge, and hear of new trust.

Everybody goes through a gateway, which passes requests on unchanged; the gateway itself, and the
authority, go to the authority directly.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import grpc

from certs.authority_files import key_pem
from certs.proof import ACKNOWLEDGEMENT_TYPE, prove
from certs.renewal_request import RenewalAsked, ask_renewal
from landbridge.agency import Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.bundle import Endpoint
from landbridge.v1 import authority_service_pb2, authority_service_pb2_grpc

_TIMEOUT_S: Final = 10.0
_DIRECT: Final = frozenset({Role.GATEWAY, Role.AUTHORITY})
_CLOCKS_MAY_DIFFER_MS: Final = 4 * 60 * 1000
"""What the authority lets pass, less a minute."""
_UNANSWERED: Final = frozenset({Reason.UNREACHABLE, Reason.LATE})
_Stub: TypeAlias = "authority_service_pb2_grpc.AuthorityServiceAsyncStub"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Received:
    """What the authority tells: bundles in order, revocation lists, and its clock in Unix ms."""

    bundles: Sequence[bytes]
    lists: Sequence[bytes]
    authority_ms: int


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What came of showing a certificate of an authority that is not active yet."""

    authority: str
    failure: str = ""

    @property
    def accepted(self) -> bool:
        """Whether every peer accepted it, in both directions."""
        return not self.failure


class Office:
    """Speaks to the authority for one party. Used on one event loop; close it with `close`."""

    def __init__(self, live: LiveParty, *, clock: Clock = system_clock) -> None:
        self._live = live
        self._clock = clock
        # The answer may have been lost: then the certificate must not be issued a second time.
        self._unanswered: dict[str, RenewalAsked] = {}
        self._dated = 0
        self._channels: dict[tuple[str, str], RotatingChannel] = {}
        self._watching: (
            grpc.aio.UnaryStreamCall[
                authority_service_pb2.WatchTrustRequest, authority_service_pb2.WatchTrustResponse
            ]
            | None
        ) = None

    async def renew(self, authority: str = "") -> bytes:
        """Have a new key certified; return key and chain in PEM, as a credential file holds them.

        An authority that is not active gives a leaf for a trial.

        Raises:
            LandbridgeError: LB-2001 and LB-2002 when it cannot be reached; the authority's refusal.
        """
        asked = self._unanswered.pop(authority, None)
        credential, now = self._live.credential, self._clock()
        if asked is None or not asked.may_be_repeated(credential, now):
            asked = ask_renewal(authority, credential, now)
        try:
            response = await self._call(lambda stub: stub.Renew(asked.request, timeout=_TIMEOUT_S))
        except LandbridgeError as error:
            if error.reason in _UNANSWERED:
                self._unanswered[authority] = asked
            raise
        return key_pem(asked.key) + response.chain

    async def acknowledge(
        self,
        *,
        erased: Sequence[str],
        trials: Sequence[TrialResult],
        alarms: Sequence[str],
    ) -> int:
        """Tell what this party holds, shows and has tried; return the authority's clock.

        Raises:
            LandbridgeError: as for `renew`.
        """
        trust, leaf = self._live.trust, self._live.credential.leaf
        acknowledgement = authority_service_pb2.Acknowledgement(
            federation=trust.bundle.federation,
            bundle_number=trust.bundle.number,
            revocation_lists={issuer: held.number for issuer, held in trust.lists.items()},
            serial=f"{leaf.serial:x}",
            issuer=leaf.issuer_key_id,
            erased=erased,
            trials=[
                authority_service_pb2.Trial(
                    authority=trial.authority, accepted=trial.accepted, failure=trial.failure
                )
                for trial in trials
            ],
            alarms=alarms,
            signed_at_unix_ms=self._next_date(),
        ).SerializeToString()
        message = authority_service_pb2.AcknowledgeRequest(
            acknowledgement=acknowledgement,
            proof=self._prove(ACKNOWLEDGEMENT_TYPE, acknowledgement),
        )
        response = await self._call(lambda stub: stub.Acknowledge(message, timeout=_TIMEOUT_S))
        return response.now_unix_ms

    async def trust(self, since: int) -> Received:
        """Fetch the bundles that follow a number, and the revocation lists.

        Raises:
            LandbridgeError: LB-2001 and LB-2002 when it cannot be reached.
        """
        request = authority_service_pb2.GetTrustRequest(since=since)
        return _received(await self._call(lambda stub: stub.GetTrust(request, timeout=_TIMEOUT_S)))

    async def watch(self, since: int) -> AsyncIterator[Received]:
        """Hear what is new until the line ends; `watch_anew` ends it.

        Raises:
            LandbridgeError: LB-2001 when the line breaks.
        """
        request = authority_service_pb2.WatchTrustRequest(since=since)
        failure = self._unreachable()
        for stub in self._stubs():
            call = stub.WatchTrust(request)
            self._watching = call
            try:
                async for message in call:
                    yield _received(message.trust)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc_error(error, peer="the authority")
            except asyncio.CancelledError:
                # gRPC raises this where the call was cancelled, as if this task had been.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                return
            else:
                return
            finally:
                self._watching = None
                call.cancel()
        raise failure

    def watch_anew(self) -> None:
        """End the present watch, so that the next one shows the certificate now in use."""
        if self._watching is not None:
            self._watching.cancel()

    async def introduce(
        self, introduction: bytes, key_id: str, signature: bytes, possession: bytes
    ) -> int:
        """Introduce a next signing key; return the number of the bundle that lists it.

        Raises:
            LandbridgeError: as for `renew`.
        """
        message = authority_service_pb2.ReplaceKeyRequest(
            introduction=introduction, key_id=key_id, signature=signature, possession=possession
        )
        response = await self._call(lambda stub: stub.ReplaceKey(message, timeout=_TIMEOUT_S))
        return response.bundle_number

    async def close(self) -> None:
        """Close every line."""
        self.watch_anew()
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    async def _call(self, call: Callable[[_Stub], Awaitable[_Answer]]) -> _Answer:
        failure = self._unreachable()
        for stub in self._stubs():
            try:
                return await call(stub)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc_error(error, peer="the authority")
                if failure.reason not in _UNANSWERED:
                    break
        raise failure

    def _stubs(self) -> Iterator[_Stub]:
        """Give a stub for each way to the authority, as the trust bundle lists them now."""
        for endpoint in self._ways():
            key = (endpoint.address, endpoint.dns_name)
            if key not in self._channels:
                channel = self._channels[key] = self._live.channel(*key)
                # The former channel ends only when nothing is open on it any more.
                channel.on_swap(self.watch_anew)
            yield authority_service_pb2_grpc.AuthorityServiceStub(self._channels[key].channel)

    def _ways(self) -> tuple[Endpoint, ...]:
        bundle = self._live.trust.bundle
        direct = bundle.endpoints(Role.AUTHORITY)
        if self._live.identity.role in _DIRECT:
            return direct
        return (*bundle.endpoints(Role.GATEWAY), *direct)

    def _next_date(self) -> int:
        """Return the time for an acknowledgement: never before the last one's.

        A clock that stood ahead and was set right would else have nothing to say for as long.
        """
        now = self._clock()
        if now <= self._dated < now + _CLOCKS_MAY_DIFFER_MS:
            now = self._dated + 1
        self._dated = now
        return now

    def _prove(self, payload_type: str, payload: bytes) -> authority_service_pb2.HolderProof:
        credential = self._live.credential
        return prove(payload_type, payload, credential.private, credential.certificate)

    def _unreachable(self) -> LandbridgeError:
        return refuse(
            Reason.UNREACHABLE,
            "the trust bundle lists neither a gateway nor the authority",
            where=f"trust bundle {self._live.trust.bundle.number}",
        )


def _received(message: authority_service_pb2.GetTrustResponse) -> Received:
    return Received(tuple(message.bundles), tuple(message.revocation_lists), message.now_unix_ms)
