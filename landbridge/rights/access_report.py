"""Who looked, in plain words: one log entry each, as its subject is told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landbridge.clock import to_iso
from landbridge.counted import counted
from landbridge.memorandum.sentences import join
from landbridge.reasons import REASONS, Reason

_GIVEN: Final = frozenset({Reason.ANSWERED, Reason.NO_RECORD, Reason.EXPIRED})


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one clause gave of one dataset, or why nothing was given; times in Unix milliseconds."""

    name: str
    reason: Reason
    memorandum: str
    clause: str
    legal_basis: str
    released: tuple[str, ...]
    """Fields, or questions of yes and no."""
    withheld: tuple[str, ...]
    records: int
    expired: int
    """Records that were not read, as they are past their term."""
    told_from: int
    """From when the subject may know; 0 where it always might."""
    delay_basis: str


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of an agency's log: somebody asked it about the subject."""

    agency: str
    origin: str
    """The log in which it stands."""
    index: int
    at: int
    requester: str
    purpose: str
    case: str
    resolving: bool
    """Whether only the subject's other identifiers were asked for."""
    consents: int
    """How many consents of the person it relied on."""
    datasets: tuple[Dataset, ...]


def sentences(look: Look) -> Iterator[str]:
    """Write one look as sentences, the first of which says who, when and what for."""
    what = " by which other identifiers the subject is known" if look.resolving else ""
    relied = {0: "", 1: ", with a consent of the person"}.get(
        look.consents, f", with {look.consents} consents of the person"
    )
    yield (
        f"{look.requester} asked {look.agency}{what} at {to_iso(look.at)}, for the purpose "
        f"{look.purpose}, case {look.case}{relied}."
    )
    for dataset in look.datasets:
        yield from _on(dataset)


def _on(dataset: Dataset) -> Iterator[str]:
    by = f", by clause {dataset.clause} of {dataset.memorandum}" if dataset.memorandum else ""
    basis = f", on the legal basis of {dataset.legal_basis}" if dataset.legal_basis else ""
    if dataset.reason is Reason.SEALED:
        yield (
            f"It was given a sealed answer from {dataset.name}, which may hold "
            f"{join(dataset.released) if dataset.released else 'nothing'}{by}{basis}."
        )
    elif dataset.records:
        yield (
            f"It was given {join(dataset.released)} of {counted(dataset.records, 'record')} of "
            f"{dataset.name}{by}{basis}."
        )
    elif dataset.reason in _GIVEN:
        yield f"It was told that {dataset.name} has nothing to give{by}{basis}."
    else:
        why = REASONS[dataset.reason].meaning
        yield f"It was given nothing from {dataset.name}{by}: {why} ({dataset.reason.code})"
    if dataset.expired:
        past = (
            "is past its term and was" if dataset.expired == 1 else "are past their term and were"
        )
        yield f"{counted(dataset.expired, 'record')} of {dataset.name} {past} not read."
    if dataset.withheld:
        were = "was" if len(dataset.withheld) == 1 else "were"
        yield f"{join(dataset.withheld)} of {dataset.name} {were} withheld."
    if dataset.told_from:
        yield (
            f"This could be told only from {to_iso(dataset.told_from)}, on the legal basis of "
            f"{dataset.delay_basis}."
        )
