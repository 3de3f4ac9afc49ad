"""Queries that several logs hold, and say different things of."""

from collections import Counter
from collections.abc import Iterator

from landbridge.audit.case import EARLIEST, Case, written
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding, Kind


def check_agreement(case: Case) -> Iterator[Finding]:
    """Say where the logs disagree; call it after `check_named`."""
    if not case.agrees_on_requester():
        yield _who(case)
    if case.is_out_of_time():
        yield _when(case)
    for teller in case.tellers:
        yield from _released(case, teller)
    for receipt in case.received:
        yield from _same_profile(case, receipt)


def _who(case: Case) -> Finding:
    counted = Counter(fact.who for fact in case.facts)
    # The requester signed the query, so its own word of it goes first.
    known = case.asked[0].who if case.asked else counted.most_common(1)[0][0]
    odd = next(fact for fact in case.facts if fact.who != known)
    other = next(fact for fact in case.facts if fact.who == known)
    names = ("requester", "purpose", "case", "kind of subject")
    wrong = [
        f"{name} {here or '-'} against {there or '-'}"
        for name, here, there in zip(names, odd.said, other.said, strict=False)
        if here != there
    ]
    return case.finding(
        Kind.DIFFERS,
        case.party(odd),
        f"says of the query in its entry {odd.position} other than {case.place(other)}:"
        f" {', '.join(wrong)}",
        (odd, other),
        topic="who",
    )


def _when(case: Case) -> Finding:
    """Name the entry that is dated furthest from the others."""
    times = sorted(fact.at for fact in case.facts)
    middle = max(times[len(times) // 2], EARLIEST)
    odd = max(case.facts, key=lambda fact: abs(fact.at - middle))
    others = [fact for fact in case.facts if fact is not odd]
    return case.finding(
        Kind.DIFFERS,
        case.party(odd),
        f"dates its entry {odd.position} {written(odd.at)}, a day or more away from"
        f" {case.places(others) or 'any time that a log can be of'}",
        (odd, *others),
        topic="when",
    )


def _released(case: Case, teller: Fact) -> Iterator[Finding]:
    """Hold what is listed of each agency against the entries of it that came."""
    by_agency: dict[str, list[Fact]] = {}
    for answer in case.named[teller]:
        if answer in case.answered and answer.log not in case.accused:
            by_agency.setdefault(case.party(answer).agency, []).append(answer)
    for agency, answers in by_agency.items():
        if different := case.shown.differences(answers, agency, teller):
            yield case.finding(
                Kind.DIFFERS,
                case.party(teller),
                f"says in its entry {teller.position} other of what {agency} released than"
                f" {case.places(answers)}: {'; '.join(different)}",
                (teller, *answers),
                topic=f"released-{agency}",
            )


def _same_profile(case: Case, receipt: Fact) -> Iterator[Finding]:
    profiles = [fact for fact in case.named[receipt] if fact in case.handed] or case.handed
    if not profiles:
        return
    if all(profile.payload != receipt.payload for profile in profiles):
        what = "another profile was received"
    elif all(profile.accesses != receipt.accesses for profile in profiles):
        what = "other accesses were received"
    else:
        return
    yield case.finding(
        Kind.DIFFERS,
        case.party(profiles[0]),
        f"holds in its entry {profiles[0].position} another profile than {case.place(receipt)}:"
        f" {what}",
        (profiles[0], receipt),
        topic="profile-differs",
    )
