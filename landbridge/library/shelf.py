"""A party's documents beside one another: what counts, what is only offered, what is refused.

Nothing here reads a clock or a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from landbridge.consent.revocation import Revocation
from landbridge.errors import LandbridgeError
from landbridge.library.opened import Opened
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, Settled, barred, settle
from landbridge.rights.acknowledgement import Acknowledgement
from landbridge.rights.correction import Correction


@dataclass(frozen=True, slots=True)
class Found:
    """A document that verifies, and the file in which it lies."""

    path: Path
    opened: Opened


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that does not count, and why."""

    path: Path
    error: LandbridgeError


@dataclass(frozen=True, slots=True)
class Offer:
    """A memorandum that some parties have signed, and those who have not yet."""

    memorandum: Memorandum
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Shelf:
    """All documents of a party at one moment, as of the trust of that moment."""

    agreed: Mapping[str, Found] = field(default_factory=dict)
    """Memoranda that all their parties signed, by the SHA-256 of what was signed."""
    offered: Mapping[str, Found] = field(default_factory=dict)
    noticed: Mapping[str, Found] = field(default_factory=dict)
    revoked: Mapping[str, Found] = field(default_factory=dict)
    corrected: Mapping[str, Found] = field(default_factory=dict)
    acknowledged: Mapping[str, Found] = field(default_factory=dict)
    """Acknowledgements of correction notices that are here."""
    lost: Mapping[str, Found] = field(default_factory=dict)
    """Memoranda that counted once and amend others: they end these, and grant nothing."""
    idle: tuple[Found, ...] = ()
    """Memoranda whose id another one has that is agreed."""
    waiting: tuple[Found, ...] = ()
    """Notices on memoranda, and acknowledgements of notices, that are not here."""
    barred: Mapping[str, LandbridgeError] = field(default_factory=dict)
    """Why a memorandum grants nothing to this party though it was agreed, by its digest."""
    refused: tuple[Refused, ...] = ()
    agency: str = ""
    """Whose shelf it is; empty where the documents of all agencies come together."""

    @cached_property
    def memoranda(self) -> tuple[Memorandum, ...]:
        """The memoranda that all their parties signed, in the order of their ids."""
        held = (*self.agreed.values(), *self.lost.values())
        found = (each.opened.memorandum for each in held)
        return tuple(sorted((one for one in found if one), key=lambda memorandum: memorandum.id))

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """The notices on these, and one that ends each memorandum that this party cannot keep.

        What such a memorandum amends ends all the same.
        """
        given = (each.opened.notice for each in self.noticed.values())
        ended = (
            barred(one, self.barred[one.digest].message)
            for one in self.memoranda
            if one.digest in self.barred
        )
        return (*(notice for notice in given if notice), *ended)

    @cached_property
    def revocations(self) -> tuple[Revocation, ...]:
        """The consents that have ended."""
        found = (each.opened.revocation for each in self.revoked.values())
        return tuple(revocation for revocation in found if revocation)

    @cached_property
    def corrections(self) -> tuple[Correction, ...]:
        """The correction notices, in the order in which they were issued."""
        found = (each.opened.correction for each in self.corrected.values())
        return tuple(sorted((one for one in found if one), key=lambda one: (one.issued_at, one.id)))

    @cached_property
    def acknowledgements(self) -> Mapping[str, Acknowledgement]:
        """The acknowledgements, by the digest of the notice; of several the earliest."""
        found = (each.opened.acknowledgement for each in self.acknowledged.values())
        latest_first = sorted((one for one in found if one), key=lambda one: -one.acknowledged_at)
        return {one.digest: one for one in latest_first}

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """The memoranda that some parties have yet to sign."""
        found = (each.opened for each in self.offered.values())
        return tuple(Offer(one.memorandum, one.missing) for one in found if one.memorandum)

    @cached_property
    def settled(self) -> Settled:
        """How the agreed memoranda stand beside one another, as one agency sees them."""
        return settle(self.memoranda, self.notices)

    def settled_of(self, memorandum: Memorandum) -> Settled:
        """How a memorandum stands beside others, as its provider sees them.

        Where the documents of all come together, others may use the same ids.
        """
        if self.agency:
            return self.settled
        provider = memorandum.grants[0].provider
        texts = self._texts_of.get(provider, {})
        if texts.get(memorandum.id) != memorandum:
            return settle({**texts, memorandum.id: memorandum}.values(), self.notices)
        if provider not in self._settled_of:
            self._settled_of[provider] = settle(texts.values(), self.notices)
        return self._settled_of[provider]

    @cached_property
    def _texts_of(self) -> Mapping[str, Mapping[str, Memorandum]]:
        """The memoranda of each party, of those with one id the first."""
        texts: dict[str, dict[str, Memorandum]] = {}
        for memorandum in self.memoranda:
            for party in memorandum.parties:
                texts.setdefault(party, {}).setdefault(memorandum.id, memorandum)
        return texts

    @cached_property
    def _settled_of(self) -> dict[str, Settled]:
        return {}

    @cached_property
    def counting(self) -> Mapping[str, Found]:
        """Every document that counts, by the SHA-256 of what was signed."""
        return MappingProxyType({**self.agreed, **self._others})

    @cached_property
    def shown(self) -> Mapping[str, Found]:
        """Every document that is passed on, by the SHA-256 of what was signed."""
        return MappingProxyType({**self.agreed, **self.offered, **self._others})

    @property
    def _others(self) -> dict[str, Found]:
        return {**self.noticed, **self.revoked, **self.corrected, **self.acknowledged}

    def concerned(self, found: Found) -> frozenset[str]:
        """Name the agencies that a document which is passed on concerns."""
        return self._concerned[found.opened.signed]

    @cached_property
    def _concerned(self) -> Mapping[str, frozenset[str]]:
        return {signed: self._find_concerned(found) for signed, found in self.shown.items()}

    def _find_concerned(self, found: Found) -> frozenset[str]:
        opened = found.opened
        if opened.memorandum is not None:
            return frozenset(opened.memorandum.parties)
        if opened.notice is not None:
            on = self.agreed.get(opened.notice.digest)
            memorandum = on.opened.memorandum if on else None
            return frozenset(memorandum.parties) if memorandum else opened.notice.signers
        other = opened.revocation or opened.correction or opened.acknowledgement
        return other.agencies if other else frozenset()
