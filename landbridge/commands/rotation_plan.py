"""What a rotation would do, step by step, before anything is done: the dry run of `cert rotate`.

Pure: it takes the steps of rotation_steps one after the other, as if every gate were open.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from certs.profiles import BACK_DATED, LEAF_LIFE
from certs.rotation import Authority, move
from landbridge.clock import to_iso
from landbridge.commands.rotation_steps import Step, active, next_step
from landbridge.counted import counted
from landbridge.trust.approval import Act, Statement, admins_needed
from landbridge.trust.document import AuthorityState, Level

_HOUR_MS: Final = 3_600_000
_MOST_STEPS: Final = 20
_TO: Final = {
    Act.AUTHORITY_PUBLISH: AuthorityState.PUBLISHED,
    Act.AUTHORITY_ACTIVATE: AuthorityState.ACTIVE,
    Act.AUTHORITY_REMOVE: AuthorityState.REMOVED,
    Act.AUTHORITY_ABORT: AuthorityState.ABORTED,
}


@dataclass(frozen=True, slots=True)
class Present:
    """The federation as a rotation finds it; times in Unix milliseconds."""

    federation: str
    bundle: int
    authorities: Sequence[Authority]
    ends: Mapping[str, int]
    parties: Sequence[str]
    obstacles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What stands against each authority's next step now."""


def plan_document(level: Level, present: Present) -> dict[str, Any]:
    """Describe every step that is left, whom it concerns, how long both are accepted, and by when.

    `last_safe_hour` is the last full hour at which the successor can become active so that no
    certificate has to be cut short: one life of a leaf before the present authority ends.
    """
    present_one = active(level, present.authorities)
    end = present.ends[present_one.id] - LEAF_LIFE // timedelta(milliseconds=1)
    steps = [
        {
            "act": str(step.act),
            "subject": step.subject,
            "administrators": administrators(step, present.federation),
            "waits": waits(step, present.parties),
            "effect": effect(step, authorities, present.parties),
            # Of the steps to come only the first has its obstacles now.
            "obstacles": list(present.obstacles.get(step.subject, ())) if number == 0 else [],
        }
        for number, (step, authorities) in enumerate(_walk(level, present.authorities))
    ]
    return {
        "dry_run": True,
        "federation": present.federation,
        "bundle": present.bundle,
        "active": present_one.id,
        "steps": steps,
        "parties": list(present.parties),
        "overlap": overlap(),
        "last_safe_hour": to_iso(end - end % _HOUR_MS),
    }


def overlap() -> str:
    """Say how long old and new are both accepted."""
    hours = (LEAF_LIFE + BACK_DATED) // timedelta(hours=1)
    return (
        "old and new are both accepted from the publishing of the new to the removal of the old,"
        f" which waits until the last leaf of it is given up or has ended: at most {hours} hours"
        " after the new is active"
    )


def administrators(step: Step, federation: str) -> int:
    """Return how many administrators have to sign a step."""
    level = Level(step.subject.partition("-")[0])
    return admins_needed(Statement(federation, step.act, step.subject), level)


def waits(step: Step, parties: Sequence[str]) -> str:
    """Say what a step waits for; empty when for nothing."""
    everybody = _counted(parties)
    if step.act is Act.AUTHORITY_ACTIVATE:
        return (
            f"until {everybody} acknowledged the bundle that lists it"
            " and tried it in both directions"
        )
    if step.act is Act.AUTHORITY_REMOVE and step.subject.startswith(Level.ISSUING):
        count = counted(len(parties), "party")
        return f"until none of {count} shows or holds a leaf of {step.subject}"
    return ""


def effect(step: Step, authorities: Sequence[Authority], parties: Sequence[str]) -> str:
    """Say what a step does."""
    name, one = step.subject, len(parties) == 1
    count = counted(len(parties), "party")
    level = Level(name.partition("-")[0])
    old = active(level, authorities).id
    said = {
        (Act.AUTHORITY_PREPARE, Level.ROOT): (
            f"its key is made here and encrypted, {old} vouches for it (passphrases); linted"
        ),
        (Act.AUTHORITY_PREPARE, Level.ISSUING): (
            f"the authority makes its key, {step.above} certifies it (passphrase); linted"
        ),
        (Act.AUTHORITY_ACTIVATE, Level.ROOT): (
            f"{old} retires: it certifies nothing new and is still accepted"
        ),
        (Act.AUTHORITY_ACTIVATE, Level.ISSUING): (
            f"{old} retires: {count} {'renews' if one else 'renew'} by {name} at once;"
            " both are accepted"
        ),
    }
    of_both = {
        Act.AUTHORITY_PUBLISH: (
            f"{count} {'comes to accept it and tries' if one else 'come to accept it and try'} it"
            f" with {'its' if one else 'their'} peers; it signs nothing"
        ),
        Act.AUTHORITY_REMOVE: (
            f"{count} no longer {'accepts' if one else 'accept'} it,"
            " and no connection that rests on it goes on"
        ),
    }
    told = said.get((step.act, level)) or of_both.get(step.act)
    return told or "it is given up; it has signed nothing"


def _walk(
    level: Level, authorities: Sequence[Authority]
) -> Iterator[tuple[Step, Sequence[Authority]]]:
    begin = True
    for _ in range(_MOST_STEPS):
        step = next_step(level, authorities, begin=begin)
        if step is None:
            return
        yield step, authorities
        begin = False
        authorities = applied(step, authorities)


def applied(step: Step, authorities: Sequence[Authority]) -> tuple[Authority, ...]:
    """Return all authorities as they stand after a step."""
    if step.act is Act.AUTHORITY_PREPARE:
        level = Level(step.subject.partition("-")[0])
        made = Authority(step.subject, level, AuthorityState.PREPARED, step.above)
        return (*authorities, made)
    subject = next(each for each in authorities if each.id == step.subject)
    return move(subject, _TO[step.act], authorities)


def _counted(parties: Sequence[str]) -> str:
    return "1 party has" if len(parties) == 1 else f"all {len(parties)} parties have"
