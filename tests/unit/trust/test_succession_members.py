"""What a stolen bundle key cannot change of members, keys and logs."""

from datetime import timedelta
from typing import Any

import pytest

from certs.bundle import member_record
from landbridge.agency import Identity, Role
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.approval import Act, digest_of
from landbridge.trust.document import (
    ApprovalRecord,
    AuthorityState,
    BundleDocument,
    EndpointRecord,
    KeyRecord,
    LogRecord,
    MemberRecord,
)
from tests.pki import BOARD, FEDERATION, OPERATIONS, REGISTRY, SCHOOLS, shared_federation
from tests.succession import (
    accepted,
    accepts,
    admin,
    approved,
    follow,
    listed,
    now,
    objection,
    present,
    with_member,
)

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
SECOND = timedelta(seconds=1)
NEWCOMER = "newcomer"


def key_of(use: KeyUse) -> SigningKey:
    return shared_federation().parties[NODE].keys[use]


def keys_with(agency: str, *new: KeyRecord) -> tuple[KeyRecord, ...]:
    return (*present().members[agency].keys, *new)


def newcomer(*new: KeyRecord) -> MemberRecord:
    record = member_record("Newcomer", [])
    return record.model_copy(update={"roles": (Role.NODE,), "keys": new})


def test_member_never_vanishes() -> None:
    members = {name: each for name, each in present().members.items() if name != BOARD}
    assert f"{BOARD} has vanished" in objection(follow(present(), members=members))


def test_new_member_comes_with_the_keys_that_two_administrators_saw() -> None:
    key = listed(SigningKey.generate(NEWCOMER, KeyUse.LOG))
    member = newcomer(key)

    def joins(changed: MemberRecord, *approvals: ApprovalRecord) -> BundleDocument:
        members = {**present().members, NEWCOMER: changed}
        return follow(present(), members=members, approvals=approvals)

    good = accepted(NEWCOMER, member, (key,), revision=0)
    accepts(joins(member, good))
    own = listed(SigningKey.generate(NEWCOMER, KeyUse.LOG))
    one = accepted(NEWCOMER, member, (key,), admin("first"), revision=0)
    for changed, approval in (
        (member, one),
        (member, accepted(NEWCOMER, member, (key,), revision=1)),
        (member, accepted(BOARD, member, (key,), revision=0)),
        (newcomer(own), good),
        (newcomer(key, own), good),
        (member.model_copy(update={"title": "Police"}), good),
        (member.model_copy(update={"roles": (Role.NODE, Role.GATEWAY)}), good),
    ):
        assert "no two administrators approved it so" in objection(joins(changed, approval))
    assert "new member" in objection(joins(member))


def test_member_that_rotated_since_may_be_seen_for_the_first_time() -> None:
    first, second = (SigningKey.generate(NEWCOMER, KeyUse.LOG) for _ in range(2))
    member = newcomer(listed(first), listed(second, vouched_by=first))
    approval = accepted(NEWCOMER, member, (listed(first),), revision=0)
    members = {**present().members, NEWCOMER: member}
    accepts(follow(present(), members=members, approvals=(approval,)))


@pytest.mark.parametrize(
    "update",
    [
        {"title": "Police"},
        {"roles": (Role.REQUESTER, Role.ADMIN)},
        {
            "endpoints": (
                EndpointRecord(
                    role=Role.REQUESTER,
                    name="main",
                    address="evil.example:1",
                    dns_name=f"main.requester.{BOARD}.{FEDERATION}",
                ),
            )
        },
    ],
)
def test_details_change_by_two_administrators(update: dict[str, Any]) -> None:
    changed = present().members[BOARD].model_copy(update=update)
    approval = accepted(BOARD, changed, (), revision=1)
    accepts(with_member(BOARD, approval, **update))
    unmoved = accepted(BOARD, present().members[BOARD], (), revision=1)
    alone = accepted(BOARD, changed, (), admin("first"), revision=1)
    for given in ((), (alone,), (unmoved,)):
        new = with_member(BOARD, *given, **update)
        assert "no two administrators approved it so" in objection(new)


def test_invitation_adds_a_role_that_serves_the_agency_itself() -> None:
    name = f"spiffe://{BOARD}.{FEDERATION}"
    node = approved(Act.INVITE, f"{name}/node/main", admin("first"))
    roles = (*present().members[BOARD].roles, Role.NODE)
    accepts(with_member(BOARD, node, roles=roles))
    stranger = approved(Act.INVITE, f"{name}/node/main", SigningKey.generate(BOARD, KeyUse.ADMIN))
    other = approved(Act.INVITE, f"spiffe://{SCHOOLS}.{FEDERATION}/node/main", admin("first"))
    for given in (stranger, other):
        assert "no two administrators" in objection(with_member(BOARD, given, roles=roles))
    gateway = approved(Act.INVITE, f"{name}/gateway/main")
    roles = (*present().members[BOARD].roles, Role.GATEWAY)
    assert "no two administrators" in objection(with_member(BOARD, gateway, roles=roles))


def test_what_is_given_up_needs_nobody() -> None:
    accepts(with_member(BOARD, roles=()))


def test_suspension_counts_and_does_not_reach_back() -> None:
    at = present().issued_at
    accepts(with_member(BOARD, suspended_at=at))
    accepts(with_member(BOARD, left_at=at))
    uncounted = with_member(BOARD, suspended_at=at, revision=1)
    assert "no act on it is counted" in objection(uncounted)
    assert "from before" in objection(with_member(BOARD, suspended_at=at - SECOND))
    assert "from before" in objection(with_member(BOARD, left_at=at - SECOND))
    assert "in the future" in objection(with_member(BOARD, suspended_at=at + SECOND))
    for revision in (0, 3, 2**53 - 1):
        assert "gone down, or out of reach" in objection(with_member(BOARD, revision=revision))


def test_suspended_member_comes_back_by_two_administrators() -> None:
    old = with_member(BOARD, suspended_at=present().issued_at)
    good = approved(Act.MEMBER_RESUME, BOARD, revision=2)
    back = with_member(BOARD, good, old=old, suspended_at=None)
    accepts(back, old)
    for given in (
        (),
        (approved(Act.MEMBER_RESUME, BOARD, admin("first"), revision=2),),
        (approved(Act.MEMBER_RESUME, BOARD, revision=1),),
        (approved(Act.MEMBER_RESUME, BOARD, revision=3),),
        (approved(Act.MEMBER_RESUME, SCHOOLS, revision=2),),
    ):
        new = with_member(BOARD, *given, old=old, suspended_at=None)
        assert "suspended no more" in objection(new, old)
    later = with_member(BOARD, old=old, suspended_at=present().issued_at + SECOND)
    later = later.model_copy(update={"issued_at": later.issued_at + SECOND})
    assert "suspended no more" in objection(later, old)
    # The same approval does not bring it back a second time.
    again = with_member(BOARD, old=back, suspended_at=present().issued_at)
    replayed = with_member(BOARD, good, old=again, suspended_at=None)
    assert "suspended no more" in objection(replayed, again)


def test_member_that_left_comes_back_as_a_new_one_would() -> None:
    old = with_member(BOARD, left_at=present().issued_at)
    assert "no two administrators" in objection(with_member(BOARD, old=old, left_at=None), old)
    resumed = approved(Act.MEMBER_RESUME, BOARD, revision=2)
    new = with_member(BOARD, resumed, old=old, left_at=None)
    assert "no two administrators" in objection(new, old)
    approval = accepted(BOARD, old.members[BOARD], (), revision=2)
    accepts(with_member(BOARD, approval, old=old, left_at=None), old)


def test_new_key_of_a_member_is_vouched_for_by_an_earlier_one() -> None:
    new = SigningKey.generate(REGISTRY, KeyUse.LOG)
    for earlier in (key_of(KeyUse.LOG), key_of(KeyUse.MEMORANDUM)):
        accepts(with_member(REGISTRY, keys=keys_with(REGISTRY, listed(new, earlier)), revision=1))
    alone = listed(new)
    assert "no two administrators" in objection(
        with_member(REGISTRY, keys=keys_with(REGISTRY, alone))
    )
    approval = accepted(REGISTRY, present().members[REGISTRY], (alone,), revision=1)
    accepts(with_member(REGISTRY, approval, keys=keys_with(REGISTRY, alone)))
    other = listed(SigningKey.generate(REGISTRY, KeyUse.LOG))
    for keys in ((other,), (alone, other)):
        replaced = with_member(REGISTRY, approval, keys=keys_with(REGISTRY, *keys))
        assert "no two administrators" in objection(replaced)


@pytest.mark.parametrize("state", ["tainted", "removed", "aborted"])
def test_key_that_is_out_of_use_vouches_for_none(state: str) -> None:
    end = present().issued_at
    keys = tuple(
        key.model_copy(update={"state": AuthorityState(state), "not_after": end})
        if key.key_id == key_of(KeyUse.LOG).key_id
        else key
        for key in present().members[REGISTRY].keys
    )
    members = {
        **present().members,
        REGISTRY: present().members[REGISTRY].model_copy(update={"keys": keys}),
    }
    old = follow(present(), members=members)
    new = listed(SigningKey.generate(REGISTRY, KeyUse.LOG), key_of(KeyUse.LOG))
    changed = with_member(REGISTRY, old=old, keys=(*keys, new))
    assert "may not any more" in objection(changed, old)


def test_expired_key_vouches_for_none() -> None:
    late = max(key.not_after for key in present().members[REGISTRY].keys)
    new = listed(SigningKey.generate(REGISTRY, KeyUse.LOG), key_of(KeyUse.LOG))
    changed = with_member(REGISTRY, keys=keys_with(REGISTRY, new))
    assert "may not any more" in objection(changed.model_copy(update={"issued_at": late}))


def test_one_administrator_cannot_become_two_by_a_new_key() -> None:
    mine, more = admin("first"), SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
    second = SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
    keys = keys_with(OPERATIONS, listed(more, mine), listed(second, more))
    old = with_member(OPERATIONS, keys=keys)
    accepts(old)
    suspended = with_member(BOARD, old=old, suspended_at=present().issued_at)
    for admins in ((mine, more), (more, second), (mine, more, second)):
        approval = approved(Act.MEMBER_RESUME, BOARD, *admins, revision=2)
        back = with_member(BOARD, approval, old=suspended, suspended_at=None)
        assert "suspended no more" in objection(back, suspended)
    approval = approved(Act.MEMBER_RESUME, BOARD, second, admin("second"), revision=2)
    accepts(with_member(BOARD, approval, old=suspended, suspended_at=None), suspended)


def test_administrators_of_the_new_bundle_do_not_count() -> None:
    own = [SigningKey.generate(NEWCOMER, KeyUse.ADMIN) for _ in range(2)]
    records = tuple(listed(key) for key in own)
    member = newcomer(*records)
    approval = accepted(NEWCOMER, member, records, *own, revision=0)
    members = {**present().members, NEWCOMER: member}
    new = follow(present(), members=members, approvals=(approval,))
    assert "new member" in objection(new)


def test_administrators_out_of_service_do_not_count() -> None:
    key = listed(SigningKey.generate(NEWCOMER, KeyUse.LOG))
    members = {**present().members, NEWCOMER: newcomer(key)}
    approval = accepted(NEWCOMER, newcomer(key), (key,), revision=0)
    late = max(each.not_after for each in present().members[OPERATIONS].keys)
    new = follow(present(), members=members, approvals=(approval,))
    assert "new member" in objection(new.model_copy(update={"issued_at": late}))
    suspended = with_member(OPERATIONS, suspended_at=present().issued_at)
    new = follow(suspended, members={**suspended.members, NEWCOMER: newcomer(key)})
    assert "new member" in objection(new.model_copy(update={"approvals": (approval,)}), suspended)


def test_key_never_vanishes_nor_changes() -> None:
    known = present().members[REGISTRY]
    assert "has vanished" in objection(with_member(REGISTRY, keys=known.keys[1:]))
    key = known.keys[0]
    for update, why in (
        ({"public_key": known.keys[1].public_key}, "another one"),
        ({"not_before": key.not_before - SECOND}, "another one"),
        ({"not_after": key.not_after + SECOND}, "another time"),
        ({"not_after": key.not_after - SECOND}, "another time"),
        ({"not_after": key.not_after + SECOND, "state": AuthorityState.REMOVED}, "another time"),
        ({"state": AuthorityState.PUBLISHED}, "cannot be published"),
    ):
        keys = (key.model_copy(update=update), *known.keys[1:])
        assert why in objection(with_member(REGISTRY, keys=keys))


def test_key_ends_in_the_past_only_by_an_administrator() -> None:
    known = present().members[REGISTRY]
    key, *others = known.keys

    def ends(at: timedelta, *given: ApprovalRecord) -> BundleDocument:
        tainted = {"state": AuthorityState.TAINTED, "not_after": present().issued_at + at}
        keys = (key.model_copy(update=tainted), *others)
        return with_member(REGISTRY, *given, keys=keys)

    accepts(ends(timedelta(0)))
    assert "ends in the past" in objection(ends(-SECOND))
    end = str(now() - 1000)
    act, detail, mine = Act.KEY_TAINT, digest_of(end.encode()), admin("first")
    accepts(ends(-SECOND, approved(act, key.key_id, mine, detail=detail)))
    stranger = SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
    for wrong in (
        approved(act, others[0].key_id, mine, detail=detail),
        approved(act, key.key_id, stranger, detail=detail),
        approved(act, key.key_id, mine),
        approved(Act.KEY_REMOVE, key.key_id, mine, detail=detail),
    ):
        assert "ends in the past" in objection(ends(-SECOND, wrong))
    earlier = approved(act, key.key_id, mine, detail=detail)
    assert "ends in the past" in objection(ends(-2 * SECOND, earlier))


def test_log_keeps_its_keys_in_their_order() -> None:
    new = listed(SigningKey.generate(REGISTRY, KeyUse.LOG), key_of(KeyUse.LOG))
    (log,) = present().members[REGISTRY].logs
    keys = keys_with(REGISTRY, new)
    longer = LogRecord(origin=log.origin, key_ids=(*log.key_ids, new.key_id))
    accepts(with_member(REGISTRY, keys=keys, logs=(longer,)))
    for logs in (
        (),
        (LogRecord(origin=log.origin, key_ids=(new.key_id,)),),
        (LogRecord(origin=log.origin, key_ids=(new.key_id, *log.key_ids)),),
        (LogRecord(origin=log.origin + "2", key_ids=log.key_ids),),
    ):
        assert "has lost a key" in objection(with_member(REGISTRY, keys=keys, logs=logs))
