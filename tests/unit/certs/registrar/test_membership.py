"""Joining and leaving: an agency applies, two accept, and each step is in the log."""

import json
from typing import Any

import pytest
import rfc8785

from certs.application import APPLICATION_TYPE, AppliedKey, AppliedParty, fingerprint
from certs.registrar.joining import MOST_WAITING
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey, pae, public_text
from landbridge.trust.approval import Act, digest_of
from landbridge.trust.document import AuthorityState
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import Desk
from tests.bundles import refusal
from tests.pki import FEDERATION, GATEWAY, OPERATIONS, REGISTRY

TAXES = "taxes.five"
NODE = Identity(TAXES, FEDERATION, Role.NODE, "main")


class Newcomer:
    """An agency with a node that wants to join."""

    def __init__(self, desk: Desk, agency: str = TAXES) -> None:
        self.desk = desk
        self.seal = SigningKey.generate(agency, KeyUse.MEMORANDUM)
        self.log = SigningKey.generate(agency, KeyUse.LOG)
        node = AppliedParty(
            role=Role.NODE, name="main", address="10.0.0.5:7101", log=public_text(self.log.public)
        )
        self.application = desk.application(agency, [self.seal, self.log], [node])

    def apply(self) -> str:
        return self.desk.registrar.apply(
            messages.ApplyRequest(
                application=self.application.to_bytes(),
                signature=self.application.sign(self.seal),
            )
        )


def test_an_agency_joins_by_two_and_is_invited_then(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    read_out = newcomer.apply()
    assert read_out == fingerprint(newcomer.application.to_bytes())
    assert len(read_out.split(" ")) == 16
    (waiting,) = desk.registrar.standing().pending
    assert waiting.statement == newcomer.application.to_bytes()
    assert read_out in waiting.summary
    assert desk.accept(newcomer.application, "first").signatures_missing == 1
    assert TAXES not in desk.registrar.journal.bundle.members
    done = desk.accept(newcomer.application, "second")
    assert done.done
    bundle = desk.registrar.journal.bundle
    member = bundle.members[TAXES]
    assert member.roles == {Role.NODE}
    assert [each.address for each in member.endpoints] == ["10.0.0.5:7101"]
    now = desk.clock()
    assert bundle.verifying_key(newcomer.seal.key_id, KeyUse.MEMORANDUM, now)[0] == TAXES
    assert bundle.log_keys(NODE.uri.removeprefix("spiffe://"), now)[0] == TAXES
    assert list(desk.registrar.standing().pending) == []
    assert desk.invite(NODE).identity == NODE.uri
    acts = [act["act"] for act in desk.acts()]
    assert acts[-3:] == ["member.apply", "member.accept", "party.invite"]


def test_nobody_is_invited_who_is_not_a_member(desk: Desk) -> None:
    assert refusal(lambda: desk.invite(NODE)).reason is Reason.NOT_APPROVED


def test_one_application_is_kept_once(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    assert newcomer.apply() == newcomer.apply()
    assert [act["act"] for act in desk.acts()].count("member.apply") == 1


def test_an_application_that_its_agency_has_not_signed_is_refused(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    newcomer.seal = SigningKey.generate(TAXES, KeyUse.MEMORANDUM)
    assert refusal(newcomer.apply).reason is Reason.BAD_SIGNATURE


def test_somebody_else_cannot_apply_in_a_member_s_name_unseen(desk: Desk) -> None:
    # Anybody may hand it in, signed by a new key; what it would do is what two people read.
    pretender = Newcomer(desk, REGISTRY)
    pretender.apply()
    statement = desk.statement(
        Act.MEMBER_ACCEPT,
        REGISTRY,
        detail=digest_of(pretender.application.admission),
        revision=1,
    )
    document = pretender.application.to_bytes()
    response = desk.registrar.submit(
        messages.SubmitRequest(statement=statement.to_bytes(), attachment=document, dry_run=True)
    )
    assert f"{REGISTRY} (Registry.One) has its details changed" in response.effects
    assert f"its key {pretender.seal.key_id} is trusted" in response.effects
    assert response.signatures_missing == 2


def test_what_was_signed_is_what_is_accepted(desk: Desk) -> None:
    one, other = Newcomer(desk), Newcomer(desk)
    one.apply()
    other.apply()
    error = refusal(
        lambda: desk.act(
            Act.MEMBER_ACCEPT,
            TAXES,
            attachment=one.application.to_bytes(),
            detail=digest_of(other.application.admission),
        )
    )
    assert error.reason is Reason.NOT_APPROVED


def test_an_application_that_nobody_handed_in_cannot_be_accepted(desk: Desk) -> None:
    error = refusal(lambda: desk.accept(Newcomer(desk).application))
    assert error.reason is Reason.NOT_APPROVED


def test_a_key_that_is_listed_for_another_cannot_be_taken_over(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    stolen = desk.pki.parties[Identity(REGISTRY, FEDERATION, Role.NODE, "main")].keys[KeyUse.LOG]
    keys = (
        *newcomer.application.keys,
        AppliedKey(use=KeyUse.LOG, public_key=public_text(stolen.public)),
    )
    newcomer.application = newcomer.application.model_copy(update={"keys": keys})
    newcomer.apply()
    error = refusal(lambda: desk.accept(newcomer.application))
    assert "listed already" in error.message


def test_a_member_moves_its_node_and_brings_a_new_key(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    newcomer.apply()
    desk.accept(newcomer.application)
    new = SigningKey.generate(TAXES, KeyUse.LOG)
    node = AppliedParty(
        role=Role.NODE, name="main", address="10.0.0.6:7101", log=public_text(new.public)
    )
    moved = desk.application(TAXES, [new], [node])
    desk.apply(moved, newcomer.seal)
    assert desk.accept(moved).done
    bundle = desk.registrar.journal.bundle
    assert bundle.members[TAXES].endpoints[0].address == "10.0.0.6:7101"
    assert bundle.members[TAXES].revision == 2
    keys = bundle.log_keys(NODE.uri.removeprefix("spiffe://"), desk.clock())[2]
    assert [public_text(key) for key in keys] == [
        public_text(newcomer.log.public),
        public_text(new.public),
    ]


def test_a_member_becomes_a_consent_desk_by_two(desk: Desk) -> None:
    newcomer = Newcomer(desk)
    newcomer.apply()
    desk.accept(newcomer.application)
    vouching = SigningKey.generate(TAXES, KeyUse.CONSENT)
    node = AppliedParty(role=Role.NODE, name="main", address="10.0.0.5:7101", log="")
    newcomer.application = desk.application(TAXES, [vouching], [node])
    newcomer.apply()
    assert desk.accept(newcomer.application, "first").signatures_missing == 1
    desk.accept(newcomer.application, "second")
    bundle, now = desk.registrar.journal.bundle, desk.clock()
    assert bundle.verifying_key(vouching.key_id, KeyUse.CONSENT, now)[0] == TAXES
    # The key is for nothing else.
    refused = refusal(lambda: bundle.verifying_key(vouching.key_id, KeyUse.QUERY, now))
    assert refused.reason is Reason.UNTRUSTED_KEY


def test_suspension_leaving_and_coming_back(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    assert desk.registrar.journal.bundle.members[REGISTRY].suspended
    error = refusal(lambda: desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=2))
    assert "already suspended" in error.message
    assert not desk.act(Act.MEMBER_RESUME, REGISTRY, revision=2).done
    assert desk.act(Act.MEMBER_RESUME, REGISTRY, "second", revision=2).done
    assert not desk.registrar.journal.bundle.members[REGISTRY].suspended
    assert desk.act(Act.MEMBER_LEAVE, REGISTRY, revision=3).done
    assert desk.registrar.journal.bundle.members[REGISTRY].suspended
    assert "has left" in refusal(lambda: desk.act(Act.MEMBER_LEAVE, REGISTRY, revision=4)).message
    keys = desk.registrar.journal.bundle.content.members[REGISTRY].keys
    assert {key.state for key in keys} == {AuthorityState.ACTIVE}


def test_the_administrators_cannot_be_shut_out(desk: Desk) -> None:
    revision = desk.revision(OPERATIONS)
    error = refusal(lambda: desk.act(Act.MEMBER_SUSPEND, OPERATIONS, revision=revision))
    assert error.reason is Reason.NOT_APPROVED
    assert "fewer than two administrators" in error.message


def test_what_runs_the_federation_is_called_out(desk: Desk) -> None:
    statement = desk.statement(Act.MEMBER_SUSPEND, GATEWAY, revision=desk.revision(GATEWAY))
    response = desk.registrar.submit(
        messages.SubmitRequest(statement=statement.to_bytes(), dry_run=True)
    )
    assert f"ATTENTION: {GATEWAY} runs the federation's gateway" in response.effects


def test_new_administrators_are_called_out(desk: Desk) -> None:
    third = desk.accept_admin()
    last = desk.registrar.journal.bundle.content.members[OPERATIONS].keys
    assert third.key_id in {key.key_id for key in last}
    revision = desk.revision(OPERATIONS)
    fourth = SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
    seal = SigningKey.generate(OPERATIONS, KeyUse.MEMORANDUM)
    admin = AppliedParty(role=Role.ADMIN, name="fourth", address="")
    application = desk.application(OPERATIONS, [fourth, seal], [admin])
    desk.apply(application, seal)
    statement = desk.statement(
        Act.MEMBER_ACCEPT, OPERATIONS, detail=digest_of(application.admission), revision=revision
    )
    response = desk.registrar.submit(
        messages.SubmitRequest(
            statement=statement.to_bytes(), attachment=application.to_bytes(), dry_run=True
        )
    )
    assert any("ATTENTION" in effect for effect in response.effects)


def test_applications_are_bounded(desk: Desk) -> None:
    with desk.registrar.journal.change() as change:
        change.present.connection.executemany(
            "INSERT INTO application VALUES (?, ?, ?)",
            [(f"{n:064x}", b"", desk.clock()) for n in range(MOST_WAITING)],
        )
    assert refusal(Newcomer(desk).apply).reason is Reason.BUSY


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": "Not An Agency"},
        {"federation": "other.example"},
        {"title": ""},
        {"title": "\x1b[31mred"},
        {"title": "x" * 201},
        {"parties": []},
        {"made_at": "today"},
        {"more": 1},
    ],
)
def test_malformed_applications_are_refused(desk: Desk, changes: dict[str, Any]) -> None:
    newcomer = Newcomer(desk)
    document = rfc8785.dumps(json.loads(newcomer.application.to_bytes()) | changes)
    signature = newcomer.seal.sign(pae(APPLICATION_TYPE, document))
    request = messages.ApplyRequest(application=document, signature=signature)
    assert refusal(lambda: desk.registrar.apply(request)).reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize("document", [b"", b"[]", b"{" * 10_000, b'{"a":1e999}', b"\xff" * 20_000])
def test_garbage_is_no_application(desk: Desk, document: bytes) -> None:
    request = messages.ApplyRequest(application=document, signature=bytes(64))
    assert refusal(lambda: desk.registrar.apply(request)).reason is Reason.MALFORMED_REQUEST
