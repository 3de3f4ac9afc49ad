"""Keeps one party's certificate fresh: renewed at half of its life, or at once when it must be."""

import asyncio
from collections.abc import Callable
from typing import Final

from certs.renewal.office import Office
from certs.renewal.schedule import Backoff, Remaining, due_at, remaining, woken
from landbridge.alarm import Alarms
from landbridge.clock import Clock, to_iso
from landbridge.errors import LandbridgeError
from landbridge.rpc.live_party import LiveParty

_TICK_S: Final = 2.0
"""The clock may be set, or the machine may sleep: it is looked at again after so long."""
_FIRST_S: Final = 0.5
_LONGEST_S: Final = 60.0
RENEWAL: Final = "renewal"
_LIFE: Final = {
    Remaining.THIRD: "certificate: a third",
    Remaining.SIXTH: "certificate: a sixth",
    Remaining.NONE: "certificate: expired",
}


class LeafKeeper:
    """Renews, and tells by alarms what stands in the way and how much life is left.

    `renewed` is called when the certificate in use is another one.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveParty,
        office: Office,
        *,
        alarms: Alarms,
        renewed: Callable[[], None],
        spread_s: float,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._live = live
        self._office = office
        self._alarms = alarms
        self._renewed = renewed
        self._spread_s = spread_s
        self._clock = clock
        self._random = random
        self._drawn = random()

    async def run(self, changed: asyncio.Event) -> None:
        """Keep the certificate fresh until cancelled; `changed` tells of new trust."""
        backoff = Backoff(_FIRST_S, _LONGEST_S)
        while True:
            changed.clear()
            self._watch_life()
            orphaned = self._is_orphaned()
            if not orphaned and self._clock() < due_at(self._live.credential.leaf, self._drawn):
                await woken(changed, _TICK_S)
                continue
            if orphaned:
                # All parties learn of it in the same moment.
                await asyncio.sleep(self._random() * self._spread_s)
            try:
                await self.renew()
            except LandbridgeError as error:
                self._alarms.raised(RENEWAL, f"the certificate was not renewed: {error}")
                await woken(changed, backoff.failed(self._random()))
            else:
                backoff.went_well()

    async def renew(self) -> None:
        """Renew now: new key, new certificate, checked, written, shown and only then relied on.

        Raises:
            LandbridgeError: what went wrong; the certificate in use stays.
        """
        await self._live.install(await self._office.renew())
        self._drawn = self._random()
        self._alarms.cleared(RENEWAL)
        self._watch_life()
        self._renewed()

    def _is_orphaned(self) -> bool:
        """Whether another authority than the active one has issued the certificate in use."""
        active = self._live.trust.bundle.active_issuer
        return self._live.credential.leaf.issuer_key_id != active.key_id

    def _watch_life(self) -> None:
        leaf = self._live.credential.leaf
        stage = remaining(leaf, self._clock())
        for other, kind in _LIFE.items():
            if other is not stage:
                self._alarms.cleared(kind)
        if stage in _LIFE:
            self._alarms.raised(
                _LIFE[stage],
                f"{stage} of the certificate's life is left: it ends at {to_iso(leaf.not_after)}",
            )
