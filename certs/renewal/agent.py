"""The agent that keeps a party's certificate fresh and its trust up to date, without a restart.

It runs inside the process that serves, or in one of its own for parties that serve nothing. What
fails leaves everything as it is, raises one alarm and is tried again.
"""

import asyncio
from collections.abc import Callable, Iterable
from random import SystemRandom
from typing import Final

from certs.renewal.fetched_trust import take_fetched
from certs.renewal.leaf_keeper import LeafKeeper
from certs.renewal.office import Office, Received
from certs.renewal.probe import peers_of
from certs.renewal.schedule import Backoff, woken
from certs.renewal.signing_keys import switch_keys
from certs.renewal.trials import Trials
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.keys import SigningKey
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.bundle import Endpoint
from landbridge.trust.store import Trust

_RANDOM: Final = SystemRandom()
_HEARTBEAT_S: Final = 300.0
_HEARTBEAT_ALARMED_S: Final = 10.0
_FIRST_S: Final = 0.25
_LONGEST_S: Final = 30.0
_LOOK_S: Final = 2.0
_PATIENCE: Final = 4
"""Failures in a row before an alarm: what starts together finds each other within seconds."""
_SKEW_MS: Final = 60_000
_AUTHORITY: Final = "authority"
_TRUST: Final = "trust"
_CLOCK: Final = "clock"
_KEYS: Final = "signing keys"
_AGENT: Final = "agent"
_AFTER_FAILURE_S: Final = 5.0


class RenewalAgent:
    """Renews, follows the trust, tries new authorities and acknowledges, for one party.

    `spread_s` is over how many seconds the parties spread out when all must renew at once.
    `switched` is called with a signing key that is to take the place of the one before.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveParty,
        office: Office,
        *,
        alarms: Alarms,
        peers: Callable[[], Iterable[Endpoint]] | None = None,
        switched: Callable[[SigningKey], None] = lambda _: None,
        spread_s: float = 1.0,
        clock: Clock = system_clock,
        random: Callable[[], float] = _RANDOM.random,
    ) -> None:
        self._live = live
        self._office = office
        self._alarms = alarms
        self._switched = switched
        self._clock = clock
        self._random = random
        self._shown = live.credential.leaf
        self._erased: dict[str, None] = {}
        self._news = asyncio.Event()
        self._for_leaf = asyncio.Event()
        self._for_trials = asyncio.Event()
        self._draining: set[asyncio.Task[None]] = set()
        self._work: asyncio.Task[None] | None = None
        self.leaf = LeafKeeper(
            live,
            office,
            alarms=alarms,
            renewed=self._news.set,
            spread_s=spread_s,
            clock=clock,
            random=random,
        )
        self._trials = Trials(
            live,
            office,
            peers=peers or (lambda: peers_of(live.identity, live.trust.bundle)),
            told=self._news.set,
            erased=lambda serial: self._erased.setdefault(f"{serial:x}"),
            clock=clock,
            random=random,
        )

    async def run(self) -> None:
        """Work until cancelled or until something fails that nobody foresaw."""
        loop = asyncio.get_running_loop()

        def trust_changed(_: Trust) -> None:
            loop.call_soon_threadsafe(self._trust_changed)

        unsubscribe = self._live.store.subscribe(trust_changed)
        self._trust_changed()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._live.follow())
                tasks.create_task(self._watch())
                tasks.create_task(self.leaf.run(self._for_leaf))
                tasks.create_task(self._trials.run(self._for_trials))
                tasks.create_task(self._acknowledge())
        finally:
            unsubscribe()

    def start(self) -> None:
        """Begin to work, on this event loop."""
        self._work = asyncio.create_task(self._work_on())

    async def stop(self) -> None:
        """Stop working, and close the line to the authority."""
        for task in (self._work, *self._draining):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._office.close()

    async def _work_on(self) -> None:
        """Work whatever happens: what nobody foresaw is told, and the work begins anew."""
        while True:
            try:
                await self.run()
            except Exception as error:  # noqa: BLE001  told; without the agent the party would expire
                cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                self._alarms.raised(_AGENT, f"the renewal agent failed ({type(cause).__name__})")
                await asyncio.sleep(_AFTER_FAILURE_S)
                self._alarms.cleared(_AGENT)

    def _trust_changed(self) -> None:
        for event in (self._news, self._for_leaf, self._for_trials):
            event.set()
        self._switch_keys()

    def _switch_keys(self) -> None:
        try:
            switch_keys(self._live.folder.folder, self._live.trust.bundle, self._switched)
        except LandbridgeError as error:
            self._alarms.raised(_KEYS, f"the next signing key is not taken into use: {error}")
        else:
            self._alarms.cleared(_KEYS)

    async def _watch(self) -> None:
        """Hear of new trust, on one long call after the other."""
        backoff = Backoff(_FIRST_S, _LONGEST_S)
        while True:
            try:
                since = self._live.trust.bundle.number
                async for received in self._office.watch(since):
                    backoff.went_well()
                    self._reached(received.authority_ms)
                    if not await self._take(since, received):
                        # What follows may build on what was refused: ask from the start again.
                        await asyncio.sleep(_AFTER_FAILURE_S)
                        break
                    since = self._live.trust.bundle.number
            except LandbridgeError as error:
                # A call that stood and ended, as every call does some time, is no alarm.
                if backoff.failures >= _PATIENCE:
                    self._alarms.raised(_AUTHORITY, f"the authority is out of reach: {error}")
            await asyncio.sleep(backoff.failed(self._random()))

    async def _take(self, since: int, received: Received) -> bool:
        """Offer what came to the store; what is not acceptable is an alarm and changes nothing."""
        try:
            await asyncio.to_thread(
                take_fetched, self._live.store, since, received.bundles, received.lists
            )
        except LandbridgeError as error:
            self._alarms.raised(_TRUST, error)
            return False
        self._alarms.cleared(_TRUST)
        return True

    async def _acknowledge(self) -> None:
        """Tell the authority of every change, and now and then that this party is there."""
        backoff = Backoff(_FIRST_S, _LONGEST_S)
        while True:
            self._news.clear()
            self._note_former()
            erased, alarms = tuple(self._erased), self._alarms.standing()
            asked_at = self._clock()
            try:
                authority_ms = await self._office.acknowledge(
                    erased=erased, trials=self._trials.results, alarms=alarms
                )
            except LandbridgeError as error:
                if backoff.failures >= _PATIENCE:
                    self._alarms.raised(_AUTHORITY, f"the authority was not told: {error}")
                await asyncio.sleep(backoff.failed(self._random()))
                continue
            backoff.went_well()
            for serial in erased:
                self._erased.pop(serial, None)
            # Half of the way there and back has passed when the authority looked at its clock.
            self._reached(authority_ms - (self._clock() - asked_at) // 2, at=asked_at)
            await self._something_to_tell(alarms)

    async def _something_to_tell(self, alarms: tuple[str, ...]) -> None:
        """Wait for news, for other alarms than these, or for the next sign of life."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (_HEARTBEAT_ALARMED_S if alarms else _HEARTBEAT_S)
        while loop.time() < until:
            if await woken(self._news, _LOOK_S):
                return
            if self._alarms.standing() != alarms or self._live.credential.leaf != self._shown:
                return

    def _reached(self, authority_ms: int, *, at: int | None = None) -> None:
        """Note that the authority spoke, and how far this host's clock stands from its clock."""
        self._alarms.cleared(_AUTHORITY)
        skew = (self._clock() if at is None else at) - authority_ms
        if abs(skew) > _SKEW_MS:
            self._alarms.raised(
                _CLOCK,
                f"this host's clock is {abs(skew) // 1000} s"
                f" {'ahead of' if skew > 0 else 'behind'} the authority's",
            )
        else:
            self._alarms.cleared(_CLOCK)

    def _note_former(self) -> None:
        """See whether another certificate has taken over, whoever wrote it.

        That the former key is gone is told once no connection needs it any more.
        """
        former, self._shown = self._shown, self._live.credential.leaf
        if former == self._shown:
            return

        async def give_up() -> None:
            await self._live.drained()
            self._erased[f"{former.serial:x}"] = None
            self._news.set()

        task = asyncio.create_task(give_up())
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)
