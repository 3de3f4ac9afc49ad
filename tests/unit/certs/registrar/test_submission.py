"""Acts of administrators: who must sign, what fits once, and what a dry run changes (nothing)."""

import pytest

from certs.invitation import InvitationBox
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.approval import Act, Statement
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1.log_pb2 import ENTRY_KIND_ACT
from tests.authority import NODE, Desk
from tests.bundles import refusal
from tests.pki import FEDERATION, OPERATIONS, REGISTRY

DAY_MS = 24 * 3_600_000


def test_an_act_of_one_is_done_at_once_and_logged_with_its_signature(desk: Desk) -> None:
    statement = desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    request = desk.request(statement)
    response = desk.registrar.submit(request)
    assert response.done
    assert response.bundle_number == desk.number
    last = desk.entries()[-1]
    assert last.kind == ENTRY_KIND_ACT
    assert last.act == statement.to_bytes()
    assert [(s.key_id, s.signature) for s in last.signatures] == [
        (request.key_id, request.signature)
    ]
    assert last.bundle_number == desk.number
    (approval,) = desk.registrar.journal.bundle.content.approvals
    assert approval.statement.encode() == statement.to_bytes()


def test_one_admin_signing_twice_is_one_admin(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    for _ in range(3):
        response = desk.act(Act.MEMBER_RESUME, REGISTRY, "first", revision=2)
        assert not response.done
        assert response.signatures_missing == 1
    assert desk.act(Act.MEMBER_RESUME, REGISTRY, "second", revision=2).done
    assert len(desk.entries()[-1].signatures) == 2


def test_an_admin_s_next_key_is_no_second_admin(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    first = desk.pki.parties[Identity(OPERATIONS, FEDERATION, Role.ADMIN, "first")]
    made = desk.introduce(first.keys[KeyUse.ADMIN])
    desk.act(Act.MEMBER_RESUME, REGISTRY, "first", revision=2)
    statement = desk.statement(Act.MEMBER_RESUME, REGISTRY, revision=2)
    response = desk.registrar.submit(
        messages.SubmitRequest(
            statement=statement.to_bytes(), key_id=made.key_id, signature=statement.sign(made)
        )
    )
    assert not response.done
    assert response.signatures_missing == 1


def test_an_act_fits_once(desk: Desk) -> None:
    suspend = desk.request(desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1))
    desk.registrar.submit(suspend)
    desk.act(Act.MEMBER_RESUME, REGISTRY, "first", "second", revision=2)
    error = refusal(lambda: desk.registrar.submit(suspend))
    assert error.reason is Reason.NOT_APPROVED
    assert "done before" in error.message
    assert not desk.registrar.journal.bundle.members[REGISTRY].suspended


def test_an_act_for_another_revision_is_refused(desk: Desk) -> None:
    for revision in (0, 2, 1 << 40):
        error = refusal(lambda r=revision: desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=r))
        assert error.reason is Reason.NOT_APPROVED


def test_an_invitation_cannot_be_had_twice_by_replay(desk: Desk) -> None:
    box = InvitationBox()
    request = desk.request(
        desk.statement(Act.INVITE, NODE.uri, attachment=box.public), attachment=box.public
    )
    desk.registrar.submit(request)
    assert refusal(lambda: desk.registrar.submit(request)).reason is Reason.NOT_APPROVED


def test_forged_signatures_are_refused(desk: Desk) -> None:
    statement = desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    good = desk.request(statement)
    other = Statement(FEDERATION, Act.MEMBER_LEAVE, REGISTRY, 1)
    for changes, reason in (
        ({"signature": bytes(64)}, Reason.BAD_SIGNATURE),
        ({"signature": b""}, Reason.BAD_SIGNATURE),
        ({"signature": good.signature + b"\0"}, Reason.BAD_SIGNATURE),
        ({"statement": other.to_bytes()}, Reason.BAD_SIGNATURE),
        ({"statement": good.statement + b" "}, Reason.MALFORMED_REQUEST),
        ({"statement": b"{}"}, Reason.MALFORMED_REQUEST),
        ({"statement": b"[" * 100_000}, Reason.MALFORMED_REQUEST),
        ({"key_id": "operations/admin/00000000"}, Reason.UNTRUSTED_KEY),
        ({"key_id": ""}, Reason.UNTRUSTED_KEY),
        ({"attachment": b"more"}, Reason.NOT_APPROVED),
        ({"attachment": bytes(1 << 20)}, Reason.MALFORMED_REQUEST),
    ):
        request = messages.SubmitRequest()
        request.CopyFrom(good)
        for name, value in changes.items():
            setattr(request, name, value)
        before = desk.dump()
        assert refusal(lambda r=request: desk.registrar.submit(r)).reason is reason, changes
        assert desk.dump() == before
    assert desk.registrar.submit(good).done


def test_only_administrators_keys_count(desk: Desk) -> None:
    statement = desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    for key in (
        desk.pki.parties[NODE].keys[KeyUse.MEMORANDUM],
        SigningKey.generate(OPERATIONS, KeyUse.ADMIN),
        desk.pki.bundle_key,
    ):
        request = messages.SubmitRequest(
            statement=statement.to_bytes(), key_id=key.key_id, signature=statement.sign(key)
        )
        error = refusal(lambda r=request: desk.registrar.submit(r))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_an_act_for_another_federation_is_refused(desk: Desk) -> None:
    statement = Statement("other.example", Act.MEMBER_SUSPEND, REGISTRY, 1)
    error = refusal(lambda: desk.registrar.submit(desk.request(statement)))
    assert error.reason is Reason.NOT_APPROVED


@pytest.mark.parametrize(
    ("act", "subject", "revision"),
    [
        (Act.MEMBER_SUSPEND, REGISTRY, 1),
        (Act.AUTHORITY_PREPARE, "issuing-2", 0),
        (Act.BUNDLE_KEY_REPLACE, "", 0),
        (Act.CERTIFICATE_REVOKE, "", 0),
        (Act.INVITE, NODE.uri, 0),
    ],
)
def test_a_dry_run_needs_no_signature_and_changes_nothing(
    desk: Desk, act: Act, subject: str, revision: int
) -> None:
    subjects = {
        Act.BUNDLE_KEY_REPLACE: desk.registrar.journal.bundle.content.bundle_key,
        Act.CERTIFICATE_REVOKE: f"{desk.node.issuer}/{desk.node.serial}",
    }
    attachment = InvitationBox().public if act is Act.INVITE else b""
    subject = subjects.get(act, subject)
    statement = desk.statement(act, subject, revision=revision, attachment=attachment)
    request = messages.SubmitRequest(
        statement=statement.to_bytes(), dry_run=True, attachment=attachment
    )
    before, files = desk.dump(), sorted(desk.folder.rglob("*"))
    response = desk.registrar.submit(request)
    assert not response.done
    assert response.effects
    assert response.result == b""
    assert desk.dump() == before
    assert [path for path in sorted(desk.folder.rglob("*")) if path not in files] == []
    done = desk.registrar.submit(desk.request(statement, attachment=attachment))
    assert list(done.effects) == list(response.effects)
    assert done.bundle_number == response.bundle_number


def test_what_dry_runs_cannot_be_carried_out_by_whoever_passes_it_on(desk: Desk) -> None:
    statement = desk.statement(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    heard = messages.SubmitRequest(statement=statement.to_bytes(), dry_run=False)
    assert refusal(lambda: desk.registrar.submit(heard)).reason is Reason.UNTRUSTED_KEY


def test_a_first_signature_waits_a_week_and_survives_a_restart(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    desk.act(Act.MEMBER_RESUME, REGISTRY, "first", revision=2)
    desk.close()
    desk.open()
    (pending,) = desk.registrar.standing().pending
    assert pending.summary == f"member resume: {REGISTRY}"
    assert len(pending.signed_by) == 1
    desk.clock.now += 8 * DAY_MS
    response = desk.act(Act.MEMBER_RESUME, REGISTRY, "second", revision=2)
    assert response.signatures_missing == 1


def test_a_signature_of_an_admin_who_is_gone_does_not_count(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    third = desk.accept_admin()
    statement = desk.statement(Act.MEMBER_RESUME, REGISTRY, revision=2)
    desk.registrar.submit(
        messages.SubmitRequest(
            statement=statement.to_bytes(), key_id=third.key_id, signature=statement.sign(third)
        )
    )
    desk.act(Act.KEY_TAINT, third.key_id)
    assert not desk.registrar.submit(desk.request(statement, "first")).done
    assert desk.registrar.submit(desk.request(statement, "second")).done


def test_a_closed_gate_is_overridden_by_two_who_say_so(desk: Desk) -> None:
    desk.prepare_issuing("issuing-2")
    desk.act(Act.AUTHORITY_PUBLISH, "issuing-2")
    error = refusal(lambda: desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2"))
    assert error.reason is Reason.GATE_CLOSED
    assert "board.three/requester has acknowledged bundle" in error.message
    one = desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2", "first", override=True)
    assert (one.done, one.signatures_missing) == (False, 1)
    assert one.obstacles
    assert desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2", "second", override=True).done


def test_a_step_left_out_cannot_be_overridden(desk: Desk) -> None:
    for act in (Act.AUTHORITY_TAINT, Act.AUTHORITY_RETIRE):
        error = refusal(
            lambda act=act: desk.act(act, "issuing-1", "first", "second", override=True)
        )
        assert error.reason is Reason.GATE_CLOSED
