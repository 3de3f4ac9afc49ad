"""Invitations: their document, and that nobody on the way can read one."""

import json

import pytest

from certs.invitation import Invitation, InvitationBox, seal_invitation
from landbridge.errors import Reason
from landbridge.trust.approval import Act
from tests.authority import ENROLMENT, FRONT, NODE, OTHER_NODE, Desk
from tests.bundles import refusal


def test_an_invitation_says_where_by_whom_and_for_whom(desk: Desk) -> None:
    invitation = desk.invite(NODE)
    assert invitation.identity == NODE.uri
    assert (invitation.address, invitation.dns_name) == (ENROLMENT, FRONT.dns_name)
    assert invitation.roots.encode() == desk.root.pem
    assert Invitation.read(invitation.to_bytes()) == invitation
    assert invitation.secret not in repr(invitation)


def test_only_the_administrator_s_own_box_opens_it(desk: Desk) -> None:
    box, other = InvitationBox(), InvitationBox()
    sealed = desk.act(Act.INVITE, NODE.uri, attachment=box.public).result
    assert refusal(lambda: other.open(sealed, NODE.uri)).reason is Reason.INVITATION_REFUSED
    assert refusal(lambda: box.open(sealed, OTHER_NODE.uri)).reason is Reason.INVITATION_REFUSED
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    assert refusal(lambda: box.open(changed, NODE.uri)).reason is Reason.INVITATION_REFUSED
    assert box.open(sealed, NODE.uri).identity == NODE.uri


@pytest.mark.parametrize("attachment", [b"", b"x", bytes(32), bytes(33)])
def test_it_is_sealed_to_a_key_alone(desk: Desk, attachment: bytes) -> None:
    error = refusal(lambda: desk.act(Act.INVITE, NODE.uri, attachment=attachment))
    assert error.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "no"},
        {"secret": "00"},
        {"anchor": "no key"},
        {"roots": "no certificate"},
        {"address": "unix:/tmp/socket"},
        {"expires_at": "soon"},
        {"identity": "spiffe://elsewhere.example/node/main"},
        {"more": 1},
    ],
)
def test_what_is_no_invitation_is_refused(desk: Desk, changes: dict[str, object]) -> None:
    document = json.loads(desk.invite(NODE).to_bytes()) | changes
    error = refusal(lambda: Invitation.read(json.dumps(document).encode()))
    assert error.reason in {Reason.INVITATION_REFUSED, Reason.CALLER_REFUSED}


@pytest.mark.parametrize("document", [b"", b"[]", b"{" * 100_000, b"\xff", b" " * 100_000])
def test_garbage_is_no_invitation(document: bytes) -> None:
    assert refusal(lambda: Invitation.read(document)).reason is Reason.INVITATION_REFUSED


def test_what_is_sealed_twice_reads_differently(desk: Desk) -> None:
    invitation, box = desk.invite(NODE), InvitationBox()
    one, other = (seal_invitation(invitation, box.public) for _ in range(2))
    assert one != other
    assert box.open(one, NODE.uri) == box.open(other, NODE.uri)
