"""Queries that one log holds and another, which must hold them too, does not."""

from collections.abc import Iterator, Sequence
from typing import Final

from landbridge.agency import Role
from landbridge.audit.case import Case
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding, Kind
from landbridge.audit.shown_log import Party
from landbridge.v1 import query_pb2

_COLLECT: Final = query_pb2.STEP_COLLECT


def check_absences(case: Case) -> Iterator[Finding]:
    """Say which log lacks the query; call it after `check_named`."""
    if not case.handed and (case.received or case.answered):
        yield from _no_profile(case)
    for teller in case.tellers:
        yield from _no_answer(case, teller)
    if not (case.asked and case.received) and case.agrees_on_requester():
        yield from _requester(case)
    # Where both are shown, the requester's receipt repeats what the gateway's entry lists.
    for teller in case.handed or case.received:
        yield from _unheard(case, teller)


def _no_profile(case: Case) -> Iterator[Finding]:
    gateways = case.shown.logs(Role.GATEWAY)
    if not gateways or any(gateway.number in case.accused for gateway in gateways):
        return
    answered = f"{case.places(case.answered)} answered it"
    # An answer that the requester holds, and its node as well, came through the gateway.
    brought = [fact for receipt in case.received for fact in case.named[receipt]]
    if case.received:
        yield case.finding(
            Kind.HIDDEN if brought else Kind.DIFFERS,
            gateways[0],
            f"hides a profile: it holds none for the query, and {case.places(case.received)} shows"
            " that the requester received one",
            (*case.received, *case.answered),
            topic="profile",
            may_be_late=True,
            word=() if brought else case.received,
        )
    elif case.asked and case.shown.logs(Role.REQUESTER, case.asked[0].requester):
        yield case.finding(
            Kind.UNFINISHED,
            gateways[0],
            f"holds no profile for the query, though {answered}; the requester's log shows that it"
            " received none",
            (*case.asked, *case.answered),
            topic="profile",
            may_be_late=True,
        )
    else:
        yield case.finding(
            Kind.DIFFERS,
            gateways[0],
            f"holds no profile for the query, though {answered}: it hides the access or failed"
            " before its profile, which the requester's log tells",
            case.answered,
            topic="profile",
            may_be_late=True,
            word=case.answered,
        )


def _no_answer(case: Case, teller: Fact) -> Iterator[Finding]:
    for agency, listed in case.shown.listed(teller).items():
        nodes = case.shown.logs(Role.NODE, agency) if listed.looked else []
        numbers = {node.number for node in nodes}
        there = {fact.log for fact in case.answered}
        if not nodes or numbers & there or numbers & case.accused:
            continue
        case.accused |= numbers
        yield case.finding(
            Kind.DIFFERS,
            nodes[0],
            f"holds no answer to the query, and {case.place(teller)} lists what it gave of"
            f" {', '.join(sorted(listed.looked))}, without naming an entry of it",
            (teller,),
            topic="answer",
            may_be_late=True,
            word=(teller,),
        )


def _requester(case: Case) -> Iterator[Finding]:
    logs = case.shown.logs(Role.REQUESTER, case.facts[0].requester)
    others = (*case.handed, *case.answered)
    if not logs:
        return
    if not case.asked and (others or case.received):
        shown_by = [*others, *case.received]
        # One agency could have invented it; not so two that name the same query, or its own log.
        agencies = {case.party(fact).agency for fact in shown_by}
        is_alone = len(agencies) == 1 and not case.received
        yield case.finding(
            Kind.DIFFERS if is_alone else Kind.HIDDEN,
            logs[0],
            f"hides a query: it does not hold it, and {case.places(shown_by)} shows it",
            shown_by,
            topic="query",
            may_be_late=True,
            word=shown_by if is_alone else (),
        )
    elif case.asked and not case.received and case.handed:
        yield case.finding(
            Kind.UNFINISHED,
            logs[0],
            f"holds no receipt, though {case.places(case.handed)} shows that a profile was handed"
            " out",
            (*case.asked, *case.handed),
            topic="receipt",
            may_be_late=True,
        )
    elif case.asked and not case.received and others and not case.shown.logs(Role.GATEWAY):
        yield case.finding(
            Kind.UNFINISHED,
            logs[0],
            f"holds no receipt, though {case.places(others)} answered the query",
            (*case.asked, *others),
            topic="receipt",
            may_be_late=True,
        )


def _unheard(case: Case, teller: Fact) -> Iterator[Finding]:
    """Look at answers that are not named by an entry that names the others."""
    party, heard = case.party(teller), case.named[teller]
    for answer in case.answered:
        if answer in heard:
            continue
        others = [other for other in case.tellers if answer in case.named[other]]
        if others:
            yield case.finding(
                Kind.HIDDEN,
                party,
                f"hides an answer: its {_entry(teller)} does not name {case.place(answer)}, which"
                f" {case.places(others)} had through it",
                (teller, answer, *others),
                topic=f"unheard-{answer.leaf.hex()}",
            )
        else:
            yield _not_named(case, party, teller, answer, heard)


def _not_named(
    case: Case, party: Party, teller: Fact, answer: Fact, heard: Sequence[Fact]
) -> Finding:
    node = case.party(answer)
    listed = case.shown.listed(teller).get(node.agency)
    datasets = case.shown.datasets(answer)
    told = {name for fact in heard if fact.log == answer.log for name in case.shown.datasets(fact)}
    topic, proof = f"unheard-{answer.leaf.hex()}", (teller, answer)
    if listed is not None and (datasets - told) & listed.looked:
        return case.finding(
            Kind.DIFFERS,
            party,
            f"lists in its {_entry(teller)} what {node.origin} gave, and does not name"
            f" {case.place(answer)}",
            proof,
            topic=topic,
        )
    if listed is None and answer.step == _COLLECT:
        return case.finding(
            Kind.DIFFERS,
            party,
            f"hides an access: its {_entry(teller)} says nothing of {node.agency}, and"
            f" {case.place(answer)} shows that it answered",
            proof,
            topic=topic,
            word=(answer,),
        )
    return case.finding(
        Kind.UNFINISHED,
        party,
        f"did not take in {case.place(answer)}, as its {_entry(teller)} shows: it came late or"
        " was refused",
        proof,
        topic=topic,
    )


def _entry(teller: Fact) -> str:
    return f"entry {teller.position}"
