"""Tries authorities that are published and not active yet, until every peer has accepted them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from certs.renewal.office import Office, TrialResult
from certs.renewal.probe import probe
from certs.renewal.schedule import Backoff, woken
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError
from landbridge.rpc.credentials import Credential
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.authority import AuthorityState, Level
from landbridge.trust.bundle import Endpoint
from landbridge.trust.document import BundleDocument

_FIRST_S: Final = 0.25
_LONGEST_S: Final = 5.0
_TO_SPARE_MS: Final = 60_000


class Trials:
    """What one party has tried.

    A root is tried by a leaf below it, shown without the cross-certificate: that one would succeed
    by the root before, and prove nothing. `told` is called whenever a result has changed; `erased`
    with the serial of each trial certificate that is done with.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveParty,
        office: Office,
        *,
        peers: Callable[[], Iterable[Endpoint]],
        told: Callable[[], None],
        erased: Callable[[int], None],
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._live = live
        self._office = office
        self._peers = peers
        self._told = told
        self._erased = erased
        self._clock = clock
        self._random = random
        self._results: dict[str, TrialResult] = {}
        self._held: dict[str, Credential] = {}

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """What came of each trial of an authority that still stands as published."""
        return tuple(self._results.values())

    async def run(self, changed: asyncio.Event) -> None:
        """Try what is published, again and again until it is accepted; woken by `changed`."""
        backoff = Backoff(_FIRST_S, _LONGEST_S)
        while True:
            changed.clear()
            wanted = _published(self._live.trust.bundle.content)
            self._forget_others(wanted)
            open_ones = [pair for pair in wanted.items() if not self._accepted(pair)]
            for issuing, root in open_ones:
                await self._try(issuing, root)
            if all(map(self._accepted, open_ones)):
                backoff.went_well()
                await changed.wait()
            elif await woken(changed, backoff.failed(self._random())):
                backoff.went_well()

    def _forget_others(self, wanted: Mapping[str, str]) -> None:
        tried = {name for pair in wanted.items() for name in pair if name}
        for name in self._results.keys() - tried:
            del self._results[name]
        for issuing in self._held.keys() - wanted.keys():
            self._give_up(issuing)

    def _accepted(self, pair: tuple[str, str]) -> bool:
        return all(name in self._results and self._results[name].accepted for name in pair if name)

    async def _try(self, issuing: str, root: str) -> None:
        try:
            trial = await self._hold(issuing)
        except LandbridgeError as error:
            for name in filter(None, (issuing, root)):
                self._record(TrialResult(name, str(error)))
            return
        self._record(TrialResult(issuing, await self._probe(trial)))
        if root:
            self._record(TrialResult(root, await self._probe(trial.without_cross())))
        if self._accepted((issuing, root)):
            self._give_up(issuing)

    async def _hold(self, issuing: str) -> Credential:
        """Return a trial certificate, the same one for as long as it lives."""
        held = self._held.get(issuing)
        if held is not None and self._clock() < held.leaf.not_after - _TO_SPARE_MS:
            return held
        self._give_up(issuing)
        pem = await self._office.renew(issuing)
        made = Credential.parse(
            pem, self._live.trust, where=f"trial of {issuing}", clock=self._clock
        )
        self._held[issuing] = made
        return made

    def _give_up(self, issuing: str) -> None:
        held = self._held.pop(issuing, None)
        if held is not None:
            self._erased(held.leaf.serial)

    async def _probe(self, trial: Credential) -> str:
        return await probe(
            self._live.identity,
            trial=trial,
            own=self._live.credential,
            roots=self._live.trust.bundle.roots_at(self._clock()),
            peers=self._peers(),
        )

    def _record(self, result: TrialResult) -> None:
        if self._results.get(result.authority) != result:
            self._results[result.authority] = result
            self._told()


def _published(content: BundleDocument) -> Mapping[str, str]:
    """Return each published issuing authority, with its root where that is only published too."""
    published = {
        record.id: record
        for record in content.authorities
        if record.state is AuthorityState.PUBLISHED
    }
    return {
        record.id: record.issuer if record.issuer in published else ""
        for record in published.values()
        if record.level is Level.ISSUING
    }
