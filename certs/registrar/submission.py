"""Acts of administrators: each is checked, waits for its signatures, and is carried out once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certs.bundle import approval_record
from certs.registrar.authority_acts import AUTHORITY_STEPS, plan_step
from certs.registrar.bundle_key import plan_bundle_key
from certs.registrar.inviting import plan_invitation
from certs.registrar.journal import Change
from certs.registrar.key_acts import KEY_STEPS, plan_key_step
from certs.registrar.membership import plan_membership
from certs.registrar.pending import (
    PendingAct,
    check_not_done,
    find_pending,
    forget_pending,
    mark_done,
    save_signature,
)
from certs.registrar.plan import Plan
from certs.registrar.preparation import plan_preparation
from certs.registrar.present import Present
from certs.registrar.revocation import plan_revocation
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.approval import (
    Act,
    AdminKey,
    Statement,
    admins_needed,
    count_admins,
    digest_of,
)
from landbridge.trust.approvals import admin_keys
from landbridge.trust.document import Level
from landbridge.v1 import authority_service_pb2

LARGEST_ATTACHMENT: Final = 64 * 1024
_SIGNATURE_BYTES: Final = 64
_LONGEST_KEY_ID: Final = 300
_MOST_NAMED: Final = 5
_MEMBERS: Final = {Act.MEMBER_ACCEPT, Act.MEMBER_SUSPEND, Act.MEMBER_RESUME, Act.MEMBER_LEAVE}


@dataclass(frozen=True, slots=True)
class ActDesk:
    """Works acts out and carries them out.

    `folder` is the authority's, `enrolment` where the gateway takes enrolments and its DNS name.
    """

    folder: Path
    enrolment: tuple[str, str] | None

    def try_out(
        self, request: authority_service_pb2.SubmitRequest, present: Present
    ) -> authority_service_pb2.SubmitResponse:
        """Say what an act would do; nothing is changed and no signature is looked at.

        A dry run is not to be signed: whoever passes it on could have it carried out.

        Raises:
            LandbridgeError: LB-1001, LB-4015 and LB-4006 as for `submit`.
        """
        statement = _read(request, present)
        check_not_done(present.connection, request.statement)
        plan = self._plan(statement, request.attachment, present)
        waiting = find_pending(present.connection, request.statement)
        keys = admin_keys(present.content, present.now)
        signed = count_admins(request.statement, waiting.signatures, keys)
        return authority_service_pb2.SubmitResponse(
            done=False,
            signatures_missing=max(0, _needed(statement, plan) - signed),
            bundle_number=present.bundle.number + (plan.content is not None),
            effects=plan.effects,
            obstacles=[obstacle.text for obstacle in plan.obstacles],
        )

    def submit(
        self, request: authority_service_pb2.SubmitRequest, change: Change
    ) -> authority_service_pb2.SubmitResponse:
        """Take an administrator's signature; carry the act out once there are enough.

        Raises:
            LandbridgeError: LB-1001 when the act or what is attached is malformed; LB-4001 and
                LB-4002 for the signature; LB-4015 when the act does not fit, or was done; LB-4016
                when a gate stands against it and it does not say that it overrides.
        """
        present = change.present
        statement = _read(request, present)
        keys = admin_keys(present.content, present.now)
        _check_signature(request, keys)
        forget_pending(present.connection, present.now)
        check_not_done(present.connection, request.statement)
        plan = self._plan(statement, request.attachment, present)
        _check_gates(statement, plan)
        waiting = find_pending(present.connection, request.statement)
        signatures = {**dict(waiting.signatures), request.key_id: request.signature}
        good = [(key_id, each) for key_id, each in sorted(signatures.items()) if key_id in keys]
        missing = _needed(statement, plan) - count_admins(request.statement, good, keys)
        if missing > 0:
            act = PendingAct(request.statement, request.attachment, tuple(good))
            save_signature(present.connection, act, request.key_id, request.signature, present.now)
            return authority_service_pb2.SubmitResponse(
                done=False,
                signatures_missing=missing,
                bundle_number=present.bundle.number,
                effects=plan.effects,
                obstacles=[obstacle.text for obstacle in plan.obstacles],
            )
        return self._carry_out(request, plan, good, change)

    def _carry_out(
        self,
        request: authority_service_pb2.SubmitRequest,
        plan: Plan,
        signatures: list[tuple[str, bytes]],
        change: Change,
    ) -> authority_service_pb2.SubmitResponse:
        number = change.present.bundle.number
        if plan.content is not None:
            approval = approval_record(request.statement, signatures)
            try:
                number = change.publish(plan.content, [approval], key=plan.key)
            except LandbridgeError as error:
                raise refuse(
                    Reason.NOT_APPROVED, f"nobody would accept its trust bundle: {error.message}"
                ) from error
        result = plan.carry_out(number)
        change.log(request.statement, signatures)
        if plan.once:
            mark_done(change.present.connection, request.statement, number)
        return authority_service_pb2.SubmitResponse(
            done=True,
            bundle_number=number,
            effects=plan.effects,
            obstacles=[obstacle.text for obstacle in plan.obstacles],
            result=result,
        )

    def _plan(self, statement: Statement, attachment: bytes, present: Present) -> Plan:
        act, subject = statement.act, statement.subject
        if act in AUTHORITY_STEPS:
            plan = plan_step(subject, AUTHORITY_STEPS[act], statement.detail, present)
        elif act in _MEMBERS:
            plan = plan_membership(statement, attachment, present)
        elif act in KEY_STEPS:
            plan = plan_key_step(subject, KEY_STEPS[act], present)
        elif act is Act.AUTHORITY_PREPARE:
            plan = plan_preparation(subject, attachment, present, self.folder)
        elif act is Act.INVITE:
            plan = plan_invitation(subject, attachment, present, self.enrolment)
        elif act is Act.CERTIFICATE_REVOKE:
            plan = plan_revocation(subject, present)
        else:
            plan = plan_bundle_key(subject, attachment, present, self.folder)
        return plan


def summarise(statement: Statement) -> str:
    """Say in plain words what an act is on."""
    words = str(statement.act).replace(".", " ").replace("-", " ")
    return f"{words}: {statement.subject}" + (", overriding its gate" if statement.override else "")


def _read(request: authority_service_pb2.SubmitRequest, present: Present) -> Statement:
    statement = Statement.read(request.statement)
    if statement.federation != present.bundle.federation:
        raise refuse(Reason.NOT_APPROVED, f"the act is for {statement.federation[:120]!r}")
    if len(request.attachment) > LARGEST_ATTACHMENT:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            f"the attachment has {len(request.attachment)} bytes; {LARGEST_ATTACHMENT} may be",
        )
    # What is accepted of an application is its admission, which membership.py looks at.
    attached = digest_of(request.attachment) if request.attachment else ""
    if statement.act is not Act.MEMBER_ACCEPT and statement.detail != attached:
        raise refuse(Reason.NOT_APPROVED, "what is attached is not what was signed")
    if statement.act not in _MEMBERS and statement.revision:
        raise refuse(Reason.NOT_APPROVED, "an act on this kind of subject has the revision 0")
    return statement


def _check_signature(
    request: authority_service_pb2.SubmitRequest, keys: Mapping[str, AdminKey]
) -> None:
    if request.key_id not in keys or len(request.key_id) > _LONGEST_KEY_ID:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {request.key_id[:120]!r} is no administrator's key that may sign now",
        )
    signature = (request.key_id, request.signature)
    if len(request.signature) != _SIGNATURE_BYTES or not count_admins(
        request.statement, [signature], keys
    ):
        raise refuse(Reason.BAD_SIGNATURE, f"{request.key_id} has not signed this act")


def _check_gates(statement: Statement, plan: Plan) -> None:
    against = [each for each in plan.obstacles if not (each.overridable and statement.override)]
    if not against:
        return
    named = "; ".join(obstacle.text for obstacle in against[:_MOST_NAMED])
    more = len(against) - _MOST_NAMED
    raise refuse(
        Reason.GATE_CLOSED,
        named + (f"; and {more} more" if more > 0 else ""),
        next_step=""
        if all(each.overridable for each in against)
        else "do what is named first; no one can override that",
    )


def _needed(statement: Statement, plan: Plan) -> int:
    level = statement.subject.partition("-")[0]
    known = Level(level) if level in Level._value2member_map_ else None
    return max(admins_needed(statement, known), plan.admins)
