"""A party's documents beside one another: what counts, what is only offered, what is refused.

Nothing here reads a clock or a file.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from landbridge.consent.revocation import Revocation
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.kinds import Kind
from landbridge.library.opened import Opened
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, Settled, barred, settle
from landbridge.memorandum.notice import check_fits
from landbridge.memorandum.signed_form import Signature

Accept = Callable[[Memorandum], None]
"""Raises LandbridgeError when a party cannot do what an agreed memorandum says."""


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
    waiting: tuple[Found, ...] = ()
    """Notices on memoranda that are not here, or not agreed yet."""
    barred: Mapping[str, LandbridgeError] = field(default_factory=dict)
    """Why this party cannot do what an agreed memorandum says, by its id: it grants nothing."""
    refused: tuple[Refused, ...] = ()

    @cached_property
    def memoranda(self) -> tuple[Memorandum, ...]:
        """The memoranda that all their parties signed, in the order of their ids."""
        found = (each.opened.memorandum for each in self.agreed.values())
        return tuple(sorted((one for one in found if one), key=lambda memorandum: memorandum.id))

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """The notices on these, and one that ends each memorandum that this party cannot keep.

        What such a memorandum amends ends all the same.
        """
        given = (each.opened.notice for each in self.noticed.values())
        ended = (
            barred(one, self.barred[one.id].message)
            for one in self.memoranda
            if one.id in self.barred
        )
        return (*(notice for notice in given if notice), *ended)

    @cached_property
    def revocations(self) -> tuple[Revocation, ...]:
        """The consents that have ended."""
        found = (each.opened.revocation for each in self.revoked.values())
        return tuple(revocation for revocation in found if revocation)

    @cached_property
    def offers(self) -> tuple[Offer, ...]:
        """The memoranda that some parties have yet to sign."""
        found = (each.opened for each in self.offered.values())
        return tuple(
            Offer(one.memorandum, _missing(one.memorandum, one.signers))
            for one in found
            if one.memorandum
        )

    @cached_property
    def settled(self) -> Settled:
        """How the agreed memoranda stand beside one another."""
        return settle(self.memoranda, self.notices)

    @cached_property
    def counting(self) -> Mapping[str, Found]:
        """Every document that counts, by the SHA-256 of what was signed."""
        return MappingProxyType({**self.agreed, **self.noticed, **self.revoked})

    @cached_property
    def shown(self) -> Mapping[str, Found]:
        """Every document that is passed on, by the SHA-256 of what was signed."""
        return MappingProxyType({**self.agreed, **self.offered, **self.noticed, **self.revoked})

    def concerned(self, found: Found) -> frozenset[str]:
        """Name the agencies that a document concerns."""
        opened = found.opened
        if opened.memorandum is not None:
            return frozenset(opened.memorandum.parties)
        if opened.notice is not None:
            on = self.agreed.get(opened.notice.digest)
            memorandum = on.opened.memorandum if on else None
            return frozenset(memorandum.parties) if memorandum else opened.notice.signers
        return opened.revocation.agencies if opened.revocation else frozenset()


def arrange(
    found: Iterable[Found],
    refused: Iterable[Refused] = (),
    *,
    agency: str = "",
    accept: Accept | None = None,
    known: Sequence[str] = (),
) -> Shelf:
    """Lay documents beside one another; with an agency, only memoranda that it is a party of.

    `known` names what counted before, so that it goes before others with the same id.
    """
    found, out = list(found), list(refused)
    mine: list[Found] = []
    for each in _merged([one for one in found if one.opened.kind is Kind.MEMORANDUM]):
        memorandum = each.opened.memorandum
        if memorandum and agency and agency not in memorandum.parties:
            out.append(Refused(each.path, _no_party(agency, memorandum)))
        else:
            mine.append(each)
    agreed, offered = _sort(mine, known, out)
    barred: dict[str, LandbridgeError] = {}
    for each in agreed.values():
        if accept and each.opened.memorandum:
            try:
                accept(each.opened.memorandum)
            except LandbridgeError as error:
                barred[each.opened.subject] = error
                out.append(Refused(each.path, error))
    noticed, waiting = _fit(found, agreed, out)
    revoked = {each.opened.signed: each for each in found if each.opened.kind is Kind.REVOCATION}
    shelf = Shelf(agreed, offered, noticed, revoked, tuple(waiting), barred, tuple(out))
    return replace(shelf, refused=(*out, *_muddled(shelf)))


def _merged(found: Sequence[Found]) -> list[Found]:
    """Put the signatures of one text together, wherever they lie; one of each party."""
    texts: dict[str, list[Found]] = {}
    for each in found:
        texts.setdefault(each.opened.signed, []).append(each)
    return [_merge(group) for group in texts.values()]


def _merge(group: Sequence[Found]) -> Found:
    if len(group) == 1:
        return group[0]
    of_party: dict[str, Signature] = {}
    for each in group:
        for signature in each.opened.form.signatures if each.opened.form else ():
            held = of_party.setdefault(signature.agency, signature)
            # Of two signatures of one party everybody keeps the same one.
            if (signature.key_id, signature.signature) < (held.key_id, held.signature):
                of_party[signature.agency] = signature
    whole = [each for each in group if len(each.opened.signers) == len(of_party)]
    if whole:
        return min(whole, key=lambda each: (each.opened.digest, each.path))
    first = min(group, key=lambda each: each.path)
    return replace(first, opened=first.opened.signed_by(of_party.values()))


def _sort(
    memoranda: Sequence[Found], known: Sequence[str], out: list[Refused]
) -> tuple[dict[str, Found], dict[str, Found]]:
    """Part what is agreed from what is offered; an id is of the text that was agreed first."""
    agreed: dict[str, Found] = {}
    offered: dict[str, Found] = {}
    by_id: dict[str, str] = {}
    place = {signed: number for number, signed in enumerate(known)}
    ordered = sorted(
        memoranda, key=lambda each: (place.get(each.opened.signed, len(place)), each.path)
    )
    for whole in (True, False):
        for each in ordered:
            memorandum, signed = each.opened.memorandum, each.opened.signed
            if memorandum is None or (not _missing(memorandum, each.opened.signers)) is not whole:
                continue
            if memorandum.id in by_id:
                out.append(Refused(each.path, _same_id(memorandum)))
            elif whole:
                by_id[memorandum.id] = signed
                agreed[signed] = each
            else:
                offered[signed] = each
    return agreed, offered


def _fit(
    found: Iterable[Found], agreed: Mapping[str, Found], out: list[Refused]
) -> tuple[dict[str, Found], list[Found]]:
    """Part the notices that are on memoranda here from those that wait for theirs."""
    noticed: dict[str, Found] = {}
    waiting: list[Found] = []
    for each in found:
        notice = each.opened.notice
        if notice is None:
            continue
        on = agreed.get(notice.digest)
        if on is None or on.opened.memorandum is None:
            waiting.append(each)
            continue
        try:
            check_fits(notice, on.opened.memorandum)
        except LandbridgeError as error:
            out.append(Refused(each.path, error))
        else:
            noticed.setdefault(each.opened.signed, each)
    return noticed, waiting


def _muddled(shelf: Shelf) -> list[Refused]:
    return [
        Refused(
            each.path,
            refuse(
                Reason.NOT_A_SUCCESSOR,
                shelf.settled.refused[each.opened.subject],
                where=f"memorandum {each.opened.subject}",
            ),
        )
        for each in shelf.agreed.values()
        if each.opened.subject in shelf.settled.refused
    ]


def _missing(memorandum: Memorandum, signers: Sequence[str]) -> tuple[str, ...]:
    return tuple(party for party in memorandum.parties if party not in signers)


def _same_id(memorandum: Memorandum) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_MEMORANDUM,
        f"another document in the folder is the memorandum {memorandum.id} already",
        where=f"memorandum {memorandum.id}",
        next_step="keep the one that is meant; a change is a successor with an id of its own",
    )


def _no_party(agency: str, memorandum: Memorandum) -> LandbridgeError:
    return refuse(
        Reason.SIGNERS_NOT_PARTIES,
        f"{agency} is no party of the memorandum {memorandum.id}",
        where=f"memorandum {memorandum.id}",
        next_step="remove the document from this node's folder",
    )
