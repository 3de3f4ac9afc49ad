"""What is allowed to be written, and what those who write it may not have meant."""

from collections.abc import Iterator
from typing import Final

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Predicate
from landbridge.places import Keys
from landbridge.subject import SubjectKind

_ORDERED: Final = ("date", "integer", "decimal")


def find_advice(memorandum: Memorandum) -> Iterator[tuple[Keys, str]]:
    """Give the way to each value that deserves a second look, and why."""
    seen: dict[tuple[str, str, str], tuple[str, Predicate]] = {}
    for number, grant in enumerate(memorandum.grants):
        for way, why in _find_in(grant):
            yield ("grants", number, *way), f"clause {grant.clause}: {why}"
        for other in memorandum.grants:
            if grant.delayed_disclosure and _tells_of(grant, other):
                what = f"clause {other.clause} tells the subject at once of the same requester"
                yield ("grants", number, "delayed_disclosure"), f"clause {grant.clause}: {what}"
                break
        for position, predicate in enumerate(grant.predicates):
            key = (grant.provider, grant.dataset, predicate.name)
            clause, first = seen.setdefault(key, (grant.clause, predicate))
            if first != predicate:
                what = f"{predicate.name} is another question in clause {clause}"
                yield (
                    ("grants", number, "predicates", position, "name"),
                    f"clause {grant.clause}: {what}",
                )


def _tells_of(delayed: Grant, other: Grant) -> bool:
    """Whether a query under one clause that delays shows by another one that does not."""
    return (
        other.delayed_disclosure is None
        and not set(other.requesters).isdisjoint(delayed.requesters)
        and not set(other.purposes).isdisjoint(delayed.purposes)
        and not set(other.subject_kinds).isdisjoint(delayed.subject_kinds)
    )


def _find_in(grant: Grant) -> Iterator[tuple[Keys, str]]:
    if SubjectKind.NATURAL_PERSON in grant.subject_kinds and grant.retention is None:
        yield ("subject_kinds",), "how long records on persons may be kept is not agreed"
    if grant.quota is not None:
        return
    for position, predicate in enumerate(grant.predicates):
        for name, argument in predicate.asks.items():
            if argument.type in _ORDERED and not argument.of:
                many = f"whoever asks {predicate.name} about many values of {name}"
                yield (
                    ("predicates", position, "asks", name),
                    f"{many} finds out the value itself; a quota or `of` limits that",
                )
