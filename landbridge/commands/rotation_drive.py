"""Drives the rotation of a root or an issuing authority: prepares, hands in, waits for the gates.

It keeps nothing of its own: whenever it stops, the next run goes on from the present states.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from certs.authority_files import to_pem
from certs.csr import read_signing_request
from certs.rotation import Authority
from landbridge.clock import system_clock
from landbridge.commands.act import outcome
from landbridge.commands.act_line import ActLine
from landbridge.commands.party_name import shown_party
from landbridge.commands.root_vault import RootVault
from landbridge.commands.rotation_plan import Present
from landbridge.commands.rotation_steps import Step, abort_step, next_step
from landbridge.trust.approval import Act
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState, Level
from landbridge.v1 import authority_service_pb2

_POLL_S: Final = 0.5
_ORDER: Final = ("prepared", "published", "active", "removed")
_REACHED: Final = {
    Act.AUTHORITY_PREPARE: 0,
    Act.AUTHORITY_PUBLISH: 1,
    Act.AUTHORITY_ACTIVATE: 2,
    Act.AUTHORITY_REMOVE: 3,
    Act.AUTHORITY_ABORT: 3,
}


@dataclass(slots=True)
class Progress:
    """How far a run has come: what it did, and what it waits for."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)
    signatures_missing: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the administrator asked for; `to` is the last state to bring about, `wait_s` seconds."""

    level: Level
    to: str = "removed"
    wait_s: float = 600.0
    override: bool = False
    lost: bool = False


async def drive(
    line: ActLine,
    vault: RootVault,
    wishes: Wishes,
    *,
    did: Callable[[dict[str, Any]], None],
    waits: Callable[[Sequence[str]], None],
) -> Progress:
    """Take steps until the rotation has come as far as asked, or must wait for longer than that.

    Raises:
        LandbridgeError: the authority's refusal; what the vault raises for a key.
    """
    progress = Progress()
    deadline = asyncio.get_running_loop().time() + wishes.wait_s
    while True:
        standing = await line.standing()
        authorities = present_authorities(standing, line.bundle)
        step = _next(wishes, authorities, begin=not progress.steps)
        if step is None:
            progress.finished, progress.waits_for = True, []
            return progress
        if step.act is Act.AUTHORITY_PREPARE:
            response = await _prepare(line, vault, step, wishes)
        else:
            response = await _take(line, vault, step, wishes)
        if response.done:
            statement = line.statement(step.act, step.subject)
            made = outcome(statement, response, line.admin.name, dry_run=False)
            progress.steps.append(made)
            did(made)
            continue
        if response.signatures_missing and not response.obstacles:
            progress.signatures_missing = response.signatures_missing
            return progress
        if list(response.obstacles) != progress.waits_for:
            progress.waits_for = list(response.obstacles)
            waits(progress.waits_for)
        if asyncio.get_running_loop().time() > deadline:
            return progress
        await asyncio.sleep(_POLL_S)


def present_authorities(
    standing: authority_service_pb2.GetStandingResponse, bundle: TrustBundle
) -> tuple[Authority, ...]:
    """Return every authority, prepared ones too, in the order of their numbers."""
    above = {record.id: record.issuer for record in bundle.content.authorities}
    made = [
        Authority(each.id, Level(each.id.partition("-")[0]), AuthorityState(each.state))
        for each in sorted(standing.authorities, key=lambda each: int(each.id.rpartition("-")[2]))
    ]
    # Only the authority knows under which root a prepared one stands. The newest root that is not
    # done with is the likely one; once it is published the bundle says so.
    roots = [
        each.id
        for each in made
        if each.level is Level.ROOT
        and each.state in (AuthorityState.PREPARED, AuthorityState.PUBLISHED, AuthorityState.ACTIVE)
    ]
    return tuple(
        Authority(each.id, each.level, each.state, above.get(each.id, roots[-1] if roots else ""))
        if each.level is Level.ISSUING
        else each
        for each in made
    )


def present(line: ActLine, standing: authority_service_pb2.GetStandingResponse) -> Present:
    """Gather what a plan is made of."""
    federation = line.bundle.federation
    return Present(
        federation=federation,
        bundle=standing.bundle_number,
        authorities=present_authorities(standing, line.bundle),
        ends={each.id: each.not_after_unix_ms for each in standing.authorities},
        parties=[shown_party(party.identity, federation) for party in standing.parties],
        obstacles={each.id: list(each.obstacles) for each in standing.authorities},
    )


def _next(wishes: Wishes, authorities: Sequence[Authority], *, begin: bool) -> Step | None:
    if wishes.to == "aborted":
        return abort_step(wishes.level, authorities)
    step = next_step(wishes.level, authorities, begin=begin)
    if step is None or _REACHED[step.act] > _ORDER.index(wishes.to):
        return None
    return step


async def _take(
    line: ActLine, vault: RootVault, step: Step, wishes: Wishes
) -> authority_service_pb2.SubmitResponse:
    """Hand a step in, unless somebody lags: then the answer is that of a dry run."""
    attached = b""
    if wishes.lost and step.act is Act.AUTHORITY_PUBLISH and not step.subject.startswith("issuing"):
        # With no root to vouch for it, the administrators sign the certificate itself.
        attached = vault.lone_certificate(step.subject)
    plain = line.statement(step.act, step.subject, attachment=attached)
    tried = await line.submit(plain, attached, dry_run=True)
    if not tried.obstacles:
        return await line.submit(plain, attached)
    if not wishes.override:
        return tried
    overriding = replace(plain, override=True)
    return await line.submit(overriding, attached)


async def _prepare(
    line: ActLine, vault: RootVault, step: Step, wishes: Wishes
) -> authority_service_pb2.SubmitResponse:
    if not step.above:
        roots = [each for each in line.bundle.content.authorities if each.level is Level.ROOT]
        present_root = next(each.id for each in roots if each.state is AuthorityState.ACTIVE)
        root = vault.make(step.subject, before="" if wishes.lost else present_root)
        made = to_pem(root.certificate, root.cross)
    else:
        # The root comes first: without its key nothing is begun.
        above = vault.open(step.above)
        asked = await line.submit(line.statement(step.act, step.subject))
        public = read_signing_request(asked.result)
        generation = int(step.subject.rpartition("-")[2])
        made = to_pem(above.sign_issuing(public, system_clock, generation=generation))
    return await line.submit(line.statement(step.act, step.subject, attachment=made), made)
