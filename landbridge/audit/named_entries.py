"""Entries that one log names of another: they must stand there, with the same bytes.

Where they do not, the head that came with the entry decides who is wrong: a head that the other log
signed and no longer shows is that log's own proof; under a head that it does show, or never signed,
whoever named the entry says what is false.
"""

from collections.abc import Iterator

from landbridge.audit.case import Case
from landbridge.audit.fact import Fact, NamedEntry
from landbridge.audit.finding import Finding, Kind
from landbridge.audit.heads import Standing


def check_named(case: Case) -> Iterator[Finding]:
    """Look every named entry up, and note which are there."""
    missing: dict[NamedEntry, list[Fact]] = {}
    by_leaf = {(fact.log, fact.leaf): fact for fact in case.facts}
    for teller, found in case.named.items():
        for named in teller.named():
            party = case.shown.parties.get(named.log)
            if party is None:
                continue
            fact = by_leaf.get((named.log, named.leaf))
            if fact is None:
                missing.setdefault(named, []).append(teller)
                continue
            found.append(fact)
            if fact.position != named.position and party.origin not in case.shown.rewritten:
                yield case.finding(
                    Kind.DIFFERS,
                    case.party(teller),
                    f"names entry {named.position} of {party.origin}, which stands there as entry"
                    f" {fact.position}",
                    (teller, fact),
                    topic=f"place-{party.origin}-{named.position}",
                )
    for named, tellers in missing.items():
        yield _missing(case, named, tellers)


def _missing(case: Case, named: NamedEntry, tellers: list[Fact]) -> Finding:
    party, index = case.shown.parties[named.log], named.position
    topic = f"entry-{index}-{named.leaf.hex()}"
    other = [fact for fact in case.facts if (fact.log, fact.position) == (party.number, index)]
    if case.shown.standing(named.log, named.size, named.root) is not Standing.SIGNED:
        return case.finding(
            Kind.DIFFERS,
            case.party(tellers[0]),
            f"says what is false of {party.origin}: {case.places(tellers)} names an entry {index}"
            " of it that no signed head of it holds",
            (*tellers, *other),
            topic=f"false-{topic}",
            word=tellers,
        )
    case.accused.add(party.number)
    if other:
        return case.finding(
            Kind.FORKED,
            party,
            f"shows another entry {index} about this query than {case.places(tellers)} had from it",
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
        f"hides entry {index}, which {case.places(tellers)} had from it: {why}",
        tellers,
        topic=topic,
        may_be_late=is_behind,
    )
