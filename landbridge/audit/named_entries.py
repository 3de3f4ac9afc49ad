"""Entries that one log names of another: they must stand there, with the same bytes."""

from collections.abc import Iterator

from landbridge.audit.case import Case
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding, Kind, Proof
from landbridge.audit.shown_log import Party

_Named = tuple[int, int, bytes]


def check_named(case: Case) -> Iterator[Finding]:
    """Look every named entry up, and note which are there."""
    missing: dict[_Named, list[Fact]] = {}
    by_leaf = {(fact.log, fact.leaf): fact for fact in case.facts}
    for teller, found in case.named.items():
        if not teller.heard:
            continue
        for named in teller.named():
            number, index, leaf = named
            party = case.shown.parties.get(number)
            if party is None:
                continue
            fact = by_leaf.get((number, leaf))
            if fact is None:
                missing.setdefault(named, []).append(teller)
                continue
            found.append(fact)
            if fact.position != index and party.origin not in case.shown.rewritten:
                yield case.finding(
                    Kind.DIFFERS,
                    case.party(teller),
                    f"names entry {index} of {party.origin}, which stands there as entry"
                    f" {fact.position}",
                    (teller, fact),
                    topic=f"place-{party.origin}-{index}",
                )
    for (number, index, leaf), tellers in missing.items():
        case.accused.add(number)
        yield _missing(case, case.shown.parties[number], Proof("", index, leaf), tellers)


def _missing(case: Case, party: Party, named: Proof, tellers: list[Fact]) -> Finding:
    index, leaf = named.index, named.leaf_hash
    who, topic = case.places(tellers), f"entry-{index}-{leaf.hex()}"
    other = [fact for fact in case.facts if (fact.log, fact.position) == (party.number, index)]
    if other:
        return case.finding(
            Kind.FORKED,
            party,
            f"shows another entry {index} about this query than {who} had from it",
            (*tellers, *other),
            topic=topic,
        )
    is_behind = index >= party.size
    why = (
        f"it ends after {party.size} entries"
        if is_behind
        else "it holds another entry there, which is not about this query"
    )
    return case.finding(
        Kind.HIDDEN,
        party,
        f"hides entry {index}, which {who} had from it: {why}",
        tellers,
        topic=topic,
        may_be_late=is_behind,
    )
