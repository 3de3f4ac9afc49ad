"""Which bundle may follow another, when whoever signs it may hold a stolen bundle key."""

from datetime import timedelta

import pytest

from certs.authority import Root
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust.approval import Act, digest_of
from landbridge.trust.document import AuthorityState, DeniedRecord, KeyRecord
from landbridge.trust.succession import check_succession
from tests.bundles import refusal
from tests.pki import FEDERATION, OPERATIONS, shared_federation
from tests.succession import (
    accepts,
    admin,
    approved,
    authority,
    follow,
    now,
    objection,
    present,
    record_of,
    with_authorities,
    with_member,
)

HOUR = timedelta(hours=1)


def test_bundle_that_changes_nothing_may_follow() -> None:
    accepts(follow(present()))
    accepts(follow(present(), number=present().number + 100_000))


@pytest.mark.parametrize("step", [0, -1, 100_001])
def test_number_goes_up_and_not_out_of_reach(step: int) -> None:
    new = follow(present(), number=present().number + step)
    error = refusal(lambda: check_succession(present(), new, at=now()))
    assert error.reason is Reason.BAD_TRUST_BUNDLE
    assert "is in use" in error.message


def test_other_federation_is_refused() -> None:
    assert "elsewhere.example" in objection(follow(present(), federation="elsewhere.example"))


def test_time_goes_on_but_not_far_ahead_of_the_reader() -> None:
    earlier = follow(present(), issued_at=present().issued_at - timedelta(seconds=1))
    assert "before the bundle in use" in objection(earlier, at=now())
    later = follow(present(), issued_at=present().issued_at + HOUR)
    check_succession(present(), later, at=now())
    much_later = follow(present(), issued_at=present().issued_at + 2 * HOUR)
    assert "in the future" in objection(much_later, at=now())


def _new_key() -> SigningKey:
    return SigningKey.generate(FEDERATION, KeyUse.BUNDLE)


def test_bundle_key_is_replaced_by_two_administrators() -> None:
    key = public_text(_new_key().public)
    detail = digest_of(key.encode())
    act, subject = Act.BUNDLE_KEY_REPLACE, present().bundle_key
    assert "does not verify" in objection(follow(present(), bundle_key=key))
    good = approved(act, subject, detail=detail)
    accepts(follow(present(), bundle_key=key, approvals=(good,)))
    for bad in (
        approved(act, subject, admin("first"), detail=detail),
        approved(act, subject, admin("first"), admin("first"), detail=detail),
        approved(act, subject, detail=digest_of(b"another key")),
        approved(act, subject),
        approved(act, key, detail=detail),
        approved(act, subject, detail=detail, federation="elsewhere.example"),
        approved(Act.KEY_ACTIVATE, subject, detail=detail),
    ):
        assert "does not verify" in objection(follow(present(), bundle_key=key, approvals=(bad,)))


def test_old_approval_does_not_bring_a_former_bundle_key_back() -> None:
    former, key = present().bundle_key, public_text(_new_key().public)
    first = approved(Act.BUNDLE_KEY_REPLACE, former, detail=digest_of(key.encode()))
    second = follow(present(), bundle_key=key, approvals=(first,))
    third_key = public_text(_new_key().public)
    again = approved(Act.BUNDLE_KEY_REPLACE, key, detail=digest_of(third_key.encode()))
    third = follow(second, bundle_key=third_key, approvals=(again,))
    accepts(third, second)
    for back in (former, key):
        back_again = follow(third, bundle_key=back, approvals=(first, again))
        assert "does not verify" in objection(back_again, third)


def test_unreadable_approval_is_refused() -> None:
    spoilt = approved(Act.KEY_TAINT, "x").model_copy(update={"statement": '{"act":"eat"}'})
    assert "an approval" in objection(follow(present(), approvals=(spoilt,)))


def test_authority_never_vanishes_nor_changes() -> None:
    gone = follow(present(), authorities=present().authorities[:1])
    assert "issuing-1 has vanished" in objection(gone)
    other = shared_federation().root.create_issuing(shared_federation().clock)
    replaced = authority("issuing-1", certificate=other.pem.decode())
    assert "another certificate" in objection(with_authorities(replaced))
    crossed = authority("root-1", cross=shared_federation().root.pem.decode())
    assert "another certificate" in objection(with_authorities(crossed))
    older = authority("issuing-1", since=present().issued_at - HOUR)
    assert "another time" in objection(with_authorities(older))


STATES = [state for state in AuthorityState if state is not AuthorityState.PREPARED]
ALLOWED = {
    "published": {"active", "retiring", "removed", "tainted", "aborted"},
    "active": {"retiring", "removed", "tainted"},
    "retiring": {"removed", "tainted"},
    "tainted": {"removed"},
    "removed": set[str](),
    "aborted": set[str](),
}


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_states_move_forward_alone(before: AuthorityState, after: AuthorityState) -> None:
    made = shared_federation().root.create_issuing(shared_federation().clock, generation=2)
    old = with_authorities(record_of(made, before, "root-1"))
    record = record_of(made, after, "root-1")
    if before is AuthorityState.TAINTED:
        record = record.model_copy(update={"until": old.authorities[2].until})
    new = follow(old, authorities=(*old.authorities[:2], record))
    if before is after or after in ALLOWED[before]:
        accepts(new, old)
    else:
        assert f"cannot be {after} after it was {before}" in objection(new, old)


def test_end_of_a_tainted_authority_only_comes_nearer() -> None:
    until = present().issued_at + HOUR
    tainted = authority("issuing-1", state=AuthorityState.TAINTED, until=until)
    old = with_authorities(tainted)
    for later in (None, until + HOUR):
        changed = tainted.model_copy(update={"until": later})
        new = follow(old, authorities=(old.authorities[0], changed))
        assert "for longer" in objection(new, old)
    for sooner in (until - HOUR / 2, until):
        changed = tainted.model_copy(update={"until": sooner})
        accepts(follow(old, authorities=(old.authorities[0], changed)), old)
    # That it was tainted stays to be seen: its root is no anchor of TLS while it lives.
    forgotten = tainted.model_copy(update={"state": AuthorityState.REMOVED, "until": None})
    assert "for longer" in objection(follow(old, authorities=(old.authorities[0], forgotten)), old)


def test_tainted_authority_does_not_stay_for_long() -> None:
    for days, is_long in ((7, False), (8, True)):
        until = present().issued_at + timedelta(days=days)
        made = shared_federation().root.create_issuing(shared_federation().clock, generation=2)
        record = record_of(made, AuthorityState.TAINTED, "root-1")
        new = with_authorities(record.model_copy(update={"until": until}))
        if is_long:
            assert "accepted for long" in objection(new)
        else:
            accepts(new)


def test_new_issuing_authority_stands_under_a_root_in_use() -> None:
    pki = shared_federation()
    made = record_of(pki.root.create_issuing(pki.clock, generation=2), STATES[0], "root-1")
    accepts(with_authorities(made))
    for state in (AuthorityState.TAINTED, AuthorityState.REMOVED, AuthorityState.ABORTED):
        until = present().issued_at + HOUR if state is AuthorityState.TAINTED else None
        root = authority("root-1", state=state, until=until)
        old = follow(present(), authorities=(root, present().authorities[1]))
        new = follow(old, authorities=(*old.authorities, made))
        assert f"is new under root-1, which is {state}" in objection(new, old)


def test_new_root_is_vouched_for_by_the_root_before() -> None:
    pki = shared_federation()
    after = record_of(pki.root.create_next(pki.clock), AuthorityState.PUBLISHED)
    accepts(with_authorities(after))
    # Whoever holds the bundle key alone can make a root, but no cross-certificate for it.
    own = Root.create(FEDERATION, pki.clock, generation=2)
    for forged in (
        record_of(own, AuthorityState.PUBLISHED),
        record_of(
            Root.create(FEDERATION, pki.clock).create_next(pki.clock), AuthorityState.PUBLISHED
        ),
    ):
        assert "vouch for root-2" in objection(with_authorities(forged))
    # One that nobody accepts does no harm.
    accepts(with_authorities(record_of(own, AuthorityState.ABORTED)))


def test_cross_certificate_of_a_tainted_root_is_worth_nothing() -> None:
    pki = shared_federation()
    tainted = authority("root-1", state=AuthorityState.TAINTED, until=present().issued_at + HOUR)
    old = follow(present(), authorities=(tainted, present().authorities[1]))
    after = record_of(pki.root.create_next(pki.clock), AuthorityState.PUBLISHED)
    assert "vouch for root-2" in objection(follow(old, authorities=(*old.authorities, after)), old)


def test_lost_root_is_followed_by_one_that_two_administrators_vouch_for() -> None:
    own = record_of(
        Root.create(FEDERATION, shared_federation().clock, generation=2), AuthorityState.PUBLISHED
    )
    detail = digest_of(own.certificate.encode())
    act = Act.AUTHORITY_PUBLISH
    accepts(with_authorities(own, approvals=(approved(act, "root-2", detail=detail),)))
    for bad in (
        approved(act, "root-2", admin("first"), detail=detail),
        approved(act, "root-2"),
        approved(act, "root-3", detail=detail),
        approved(Act.AUTHORITY_PREPARE, "root-2", detail=detail),
    ):
        assert "vouch for root-2" in objection(with_authorities(own, approvals=(bad,)))


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (AuthorityState.ACTIVE, Act.AUTHORITY_ACTIVATE),
        (AuthorityState.RETIRING, Act.AUTHORITY_ACTIVATE),
        (AuthorityState.TAINTED, Act.AUTHORITY_TAINT),
        (AuthorityState.REMOVED, Act.AUTHORITY_REMOVE),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_root_moves_by_two_administrators(state: AuthorityState, act: Act, known: bool) -> None:  # noqa: FBT001  a case
    pki = shared_federation()
    made = pki.root.create_next(pki.clock)
    old = with_authorities(record_of(made, AuthorityState.PUBLISHED)) if known else present()
    record = record_of(made, AuthorityState.PUBLISHED).model_copy(update={"state": state})
    authorities = (*old.authorities[:2], record)
    accepts(follow(old, authorities=authorities, approvals=(approved(act, "root-2"),)), old)
    for given in (
        (),
        (approved(act, "root-2", admin("first")),),
        (approved(act, "root-1"),),
        (approved(Act.AUTHORITY_PUBLISH, "root-2"),),
        (approved(act, "root-2", admin("first")), approved(act, "root-2", admin("first"))),
    ):
        new = follow(old, authorities=authorities, approvals=given)
        assert "no two administrators approved" in objection(new, old)


def test_root_in_office_retires_with_its_successor() -> None:
    pki = shared_federation()
    made = record_of(pki.root.create_next(pki.clock), AuthorityState.PUBLISHED)
    old = with_authorities(made)
    after = (
        authority("root-1", state=AuthorityState.RETIRING),
        old.authorities[1],
        made.model_copy(update={"state": AuthorityState.ACTIVE}),
    )
    approval = approved(Act.AUTHORITY_ACTIVATE, "root-2")
    accepts(follow(old, authorities=after, approvals=(approval,)), old)


def test_jump_over_several_bundles_needs_all_their_approvals() -> None:
    pki = shared_federation()
    made = record_of(pki.root.create_next(pki.clock), AuthorityState.ACTIVE)
    retired = authority("root-1", state=AuthorityState.REMOVED)
    after = (retired, present().authorities[1], made)
    both = (
        approved(Act.AUTHORITY_ACTIVATE, "root-2"),
        approved(Act.AUTHORITY_REMOVE, "root-1"),
    )
    jump = follow(present(), number=present().number + 4, authorities=after, approvals=both)
    accepts(jump)
    for missing in both:
        rest = tuple(each for each in both if each is not missing)
        assert "approved it" in objection(jump.model_copy(update={"approvals": rest}))


def test_denied_certificate_stays_until_its_end() -> None:
    entry = DeniedRecord(issuer="ab" * 20, serial="1f", until=present().issued_at + HOUR)
    old = follow(present(), denied=(entry,))
    accepts(follow(old, denied=(entry,)), old)
    accepts(follow(old, denied=(entry.model_copy(update={"until": entry.until + HOUR}),)), old)
    sooner = entry.model_copy(update={"until": entry.until - HOUR})
    assert "1f" in objection(follow(old, denied=(sooner,)), old)
    # A bundle may be issued an hour ahead of the reader: the entry's time must have passed even so.
    for after, is_over in (
        (HOUR, False),
        (2 * HOUR - timedelta(seconds=1), False),
        (2 * HOUR, True),
    ):
        new = follow(old, denied=(), issued_at=present().issued_at + after)
        if is_over:
            accepts(new, old)
        else:
            assert "1f" in objection(new, old)


def test_two_administrators_always_remain() -> None:
    keys = tuple(key.model_copy(update={"state": AuthorityState.RETIRING}) for key in _admin_keys())
    accepts(with_member(OPERATIONS, keys=(*keys, *_other_keys())))
    removed = keys[0].model_copy(update={"state": AuthorityState.REMOVED})
    error = objection(with_member(OPERATIONS, keys=(removed, keys[1], *_other_keys())))
    assert "fewer than two administrators" in error
    # Nor does a time that is about to come take them away.
    soon = tuple(key.model_copy(update={"not_after": present().issued_at + HOUR}) for key in keys)
    assert "another time" in objection(with_member(OPERATIONS, keys=(*soon, *_other_keys())))
    at = present().issued_at
    for out in (with_member(OPERATIONS, suspended_at=at), with_member(OPERATIONS, left_at=at)):
        assert "fewer than two administrators" in objection(out)


def _admin_keys() -> list[KeyRecord]:
    return [key for key in present().members[OPERATIONS].keys if key.use is KeyUse.ADMIN]


def _other_keys() -> list[KeyRecord]:
    return [key for key in present().members[OPERATIONS].keys if key.use is not KeyUse.ADMIN]
