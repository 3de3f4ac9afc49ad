"""Signing keys: an agency introduces the next one, all learn it, and only then is it used."""

import pytest

from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.approval import Act
from landbridge.trust.document import AuthorityState, KeyRecord
from landbridge.trust.introduction import Introduction
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import NODE, OTHER_NODE, Desk
from tests.bundles import refusal
from tests.pki import FEDERATION, OPERATIONS, REGISTRY

ORIGIN = NODE.uri.removeprefix("spiffe://")


def present(desk: Desk, use: KeyUse = KeyUse.LOG) -> SigningKey:
    return desk.pki.parties[NODE].keys[use]


def record(desk: Desk, key: SigningKey) -> KeyRecord:
    keys = desk.registrar.journal.bundle.content.members[key.agency].keys
    return next(each for each in keys if each.key_id == key.key_id)


def test_a_key_is_rotated_and_what_the_old_one_signed_stays_verifiable(desk: Desk) -> None:
    old = present(desk)
    signed_at = desk.clock()
    desk.clock.now += 60_000
    new = desk.introduce(old)
    assert record(desk, new).state is AuthorityState.PUBLISHED
    error = refusal(lambda: desk.act(Act.KEY_ACTIVATE, new.key_id))
    assert error.reason is Reason.GATE_CLOSED
    desk.all_prove()
    desk.clock.now += 60_000
    assert desk.act(Act.KEY_ACTIVATE, new.key_id).done
    assert record(desk, new).state is AuthorityState.ACTIVE
    assert record(desk, old).state is AuthorityState.RETIRING
    desk.all_prove()
    desk.clock.now += 60_000
    assert desk.act(Act.KEY_REMOVE, old.key_id).done
    bundle = desk.registrar.journal.bundle
    # By whole keys, since the removal's own moment ends the old one.
    assert len(bundle.log_keys(ORIGIN, signed_at)[2]) == 2
    assert len(bundle.log_keys(ORIGIN, desk.clock())[2]) == 1
    acts = [act["act"] for act in desk.acts()]
    assert acts[-3:] == ["key.introduce", "key.activate", "key.remove"]


def test_a_stolen_key_is_tainted_from_now_on(desk: Desk) -> None:
    key = present(desk, KeyUse.MEMORANDUM)
    desk.clock.now += 60_000
    assert desk.act(Act.KEY_TAINT, key.key_id).done
    bundle = desk.registrar.journal.bundle
    before = desk.clock() - 1
    assert bundle.verifying_key(key.key_id, KeyUse.MEMORANDUM, before)[0] == REGISTRY
    error = refusal(lambda: bundle.verifying_key(key.key_id, KeyUse.MEMORANDUM, desk.clock()))
    assert error.reason is Reason.UNTRUSTED_KEY
    # It vouches for nothing more.
    assert refusal(lambda: desk.introduce(key)).reason is Reason.UNTRUSTED_KEY


def test_one_key_waits_at_a_time(desk: Desk) -> None:
    desk.introduce(present(desk))
    assert "waits to follow" in refusal(lambda: desk.introduce(present(desk))).message


def test_introductions_that_are_not_signed_by_both_are_refused(desk: Desk) -> None:
    old, new = present(desk), SigningKey.generate(REGISTRY, KeyUse.LOG)
    other = desk.pki.parties[OTHER_NODE].keys[KeyUse.LOG]
    introduction = Introduction(FEDERATION, REGISTRY, KeyUse.LOG, new.public)
    good = messages.ReplaceKeyRequest(
        introduction=introduction.to_bytes(),
        key_id=old.key_id,
        signature=introduction.sign(old),
        possession=introduction.sign(new),
    )
    elsewhere = Introduction("other.example", REGISTRY, KeyUse.LOG, new.public)
    for changes, reason in (
        ({"signature": bytes(64)}, Reason.BAD_SIGNATURE),
        ({"signature": b""}, Reason.BAD_SIGNATURE),
        ({"possession": b""}, Reason.BAD_SIGNATURE),
        ({"possession": introduction.sign(old)}, Reason.BAD_SIGNATURE),
        ({"key_id": other.key_id, "signature": introduction.sign(other)}, Reason.UNTRUSTED_KEY),
        ({"key_id": "nobody"}, Reason.UNTRUSTED_KEY),
        ({"introduction": b"{}"}, Reason.MALFORMED_REQUEST),
        ({"introduction": b"x" * 100_000}, Reason.MALFORMED_REQUEST),
        ({"introduction": elsewhere.to_bytes()}, Reason.UNTRUSTED_KEY),
    ):
        request = messages.ReplaceKeyRequest()
        request.CopyFrom(good)
        for name, value in changes.items():
            setattr(request, name, value)
        before = desk.dump()
        assert refusal(lambda r=request: desk.registrar.replace_key(r)).reason is reason, changes
        assert desk.dump() == before
    assert desk.registrar.replace_key(good) == desk.number


def test_a_key_of_one_use_does_not_vouch_for_an_administrator(desk: Desk) -> None:
    admin = desk.pki.parties[Identity(OPERATIONS, FEDERATION, Role.ADMIN, "first")]
    seal = desk.pki.parties[NODE].keys[KeyUse.MEMORANDUM]
    assert refusal(lambda: desk.introduce(seal, KeyUse.ADMIN)).reason is Reason.UNTRUSTED_KEY
    assert desk.introduce(admin.keys[KeyUse.ADMIN]).use is KeyUse.ADMIN


def test_a_suspended_agency_introduces_nothing(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    assert refusal(lambda: desk.introduce(present(desk))).reason is Reason.UNTRUSTED_KEY


@pytest.mark.parametrize("act", [Act.KEY_ACTIVATE, Act.KEY_REMOVE])
def test_steps_that_do_not_follow_are_refused(desk: Desk, act: Act) -> None:
    key = present(desk)
    error = refusal(lambda: desk.act(act, key.key_id, "first", "second", override=True))
    assert error.reason is Reason.GATE_CLOSED
    error = refusal(lambda: desk.act(act, f"{REGISTRY}/log/00000000"))
    assert error.reason is Reason.NOT_APPROVED


def test_the_bundle_key_is_replaced_by_two(desk: Desk) -> None:
    journal = desk.registrar.journal
    old = journal.bundle.content.bundle_key
    made = desk.act(Act.BUNDLE_KEY_REPLACE, old, "first", "second").result
    assert desk.act(Act.BUNDLE_KEY_REPLACE, old, "first", "second").result == made
    assert journal.bundle.content.bundle_key == old
    refused = refusal(lambda: desk.act(Act.BUNDLE_KEY_REPLACE, old, attachment=b"x" * 43))
    assert refused.reason is Reason.NOT_APPROVED
    assert not desk.act(Act.BUNDLE_KEY_REPLACE, old, "first", attachment=made).done
    assert desk.act(Act.BUNDLE_KEY_REPLACE, old, "second", attachment=made).done
    assert journal.bundle.content.bundle_key.encode() == made
    assert desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1).done
    desk.close()
    desk.open()
    assert desk.registrar.journal.bundle.content.bundle_key.encode() == made
    assert desk.act(Act.MEMBER_RESUME, REGISTRY, "first", "second", revision=2).done
