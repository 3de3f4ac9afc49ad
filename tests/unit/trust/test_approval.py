"""What administrators sign, who has to, and who counts."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, pae
from landbridge.trust.approval import (
    Act,
    AdminKey,
    Statement,
    admins_needed,
    admission,
    count_admins,
)
from landbridge.trust.approvals import admin_keys
from landbridge.trust.document import Level, unix_ms
from tests.bundles import refusal
from tests.pki import FEDERATION, OPERATIONS, shared_federation
from tests.succession import admin, now, present

STATEMENT = Statement(FEDERATION, Act.AUTHORITY_ACTIVATE, "root-2")


def test_statement_is_read_as_it_was_written() -> None:
    full = Statement(FEDERATION, Act.MEMBER_ACCEPT, "fsa.ed", 7, "ab" * 32, override=True)
    for statement in (STATEMENT, full):
        data = statement.to_bytes()
        assert Statement.read(data) == statement
        assert rfc8785.dumps(json.loads(data)) == data


@pytest.mark.parametrize(
    "change",
    [
        {"act": "root.eat"},
        {"act": None},
        {"subject": ""},
        {"subject": "a\nb"},
        {"subject": "x" * 513},
        {"subject": 5},
        {"subject": ["root-2"]},
        {"revision": -1},
        {"revision": True},
        {"revision": "0"},
        {"detail": "abc"},
        {"detail": "AB" * 32},
        {"detail": 5},
        {"override": 1},
        {"federation": "Not A Name"},
        {"federation": 5},
        {"more": 1},
    ],
)
def test_statement_of_another_form_is_refused(change: dict[str, object]) -> None:
    content = {**json.loads(STATEMENT.to_bytes()), **change}
    error = refusal(lambda: Statement.read(rfc8785.dumps(content)))
    assert error.reason is Reason.MALFORMED_REQUEST


def test_statement_has_exactly_one_spelling() -> None:
    content = json.loads(STATEMENT.to_bytes())
    del content["override"]
    for data in (
        json.dumps(json.loads(STATEMENT.to_bytes())).encode(),
        STATEMENT.to_bytes() + b" ",
        STATEMENT.to_bytes().replace(b'"act"', b'"act":"x","act"'),
        rfc8785.dumps(content),
        b"null",
        b"[]",
        b"[" * 3000,
        b"",
        b" " * 5000,
    ):
        assert refusal(lambda d=data: Statement.read(d)).reason is Reason.MALFORMED_REQUEST


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Statement.read(data)
    assert caught.value.reason is Reason.MALFORMED_REQUEST


TWO_FOR_A_ROOT = {Act.AUTHORITY_ACTIVATE, Act.AUTHORITY_REMOVE, Act.AUTHORITY_TAINT}
TWO = {Act.MEMBER_ACCEPT, Act.MEMBER_RESUME, Act.BUNDLE_KEY_REPLACE}


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("level", [None, *Level])
def test_two_administrators_sign_what_makes_somebody_trusted(act: Act, level: Level | None) -> None:
    statement = Statement(FEDERATION, act, "x")
    two = act in TWO or (level is Level.ROOT and act in TWO_FOR_A_ROOT)
    assert admins_needed(statement, level) == (2 if two else 1)
    assert admins_needed(Statement(FEDERATION, act, "x", override=True), level) == 2


def test_root_that_no_root_vouches_for_needs_two() -> None:
    alone = Statement(FEDERATION, Act.AUTHORITY_PUBLISH, "root-2", detail="ab" * 32)
    assert admins_needed(alone, Level.ROOT) == 2
    assert admins_needed(alone, Level.ISSUING) == 1


def signatures(*admins: SigningKey) -> list[tuple[str, bytes]]:
    return [(key.key_id, STATEMENT.sign(key)) for key in admins]


def test_each_person_counts_once() -> None:
    keys = admin_keys(present(), now())
    one, two = admin("first"), admin("second")
    data = STATEMENT.to_bytes()
    assert count_admins(data, signatures(one, two), keys) == 2
    assert count_admins(data, signatures(one, one, one), keys) == 1
    assert count_admins(data, [], keys) == 0
    same_person = {**keys, two.key_id: AdminKey(two.public, one.key_id)}
    assert count_admins(data, signatures(one, two), same_person) == 1


def test_forged_signatures_count_for_nothing() -> None:
    keys = admin_keys(present(), now())
    one, two = admin("first"), admin("second")
    stranger = SigningKey.generate(OPERATIONS, KeyUse.ADMIN)
    data = STATEMENT.to_bytes()
    for forged in (
        [(two.key_id, STATEMENT.sign(one))],
        [(two.key_id, STATEMENT.sign(stranger))],
        [(stranger.key_id, STATEMENT.sign(stranger))],
        [(two.key_id, two.sign(data))],
        [(two.key_id, two.sign(pae("application/vnd.landbridge.query.v1", data)))],
        [(two.key_id, b"")],
        [(two.key_id, bytes(64))],
        [("", b"x" * 64)],
    ):
        assert count_admins(data, [*signatures(one), *forged], keys) == 1
    other = Statement(FEDERATION, Act.AUTHORITY_TAINT, "root-2")
    assert count_admins(other.to_bytes(), signatures(one, two), keys) == 0


def test_only_administrators_keys_may_sign_acts() -> None:
    keys = admin_keys(present(), now())
    assert keys.keys() == {admin("first").key_id, admin("second").key_id}
    others = [
        key
        for party in shared_federation().parties.values()
        for use, key in party.keys.items()
        if use is not KeyUse.ADMIN
    ]
    assert count_admins(STATEMENT.to_bytes(), signatures(*others), keys) == 0


def test_administrators_keys_have_their_time() -> None:
    (record, *_) = [k for k in present().members[OPERATIONS].keys if k.use is KeyUse.ADMIN]
    first, last = unix_ms(record.not_before), unix_ms(record.not_after)
    for at, good in ((first - 1, False), (first, True), (last - 1, True), (last, False)):
        assert (record.key_id in admin_keys(present(), at)) is good


def test_admission_binds_everything_and_not_its_order() -> None:
    keys = [(KeyUse.LOG, "b"), (KeyUse.QUERY, "a"), (KeyUse.LOG, "a")]
    servers = [(Role.NODE, "main", "host:2"), (Role.GATEWAY, "main", "host:1")]
    roles = [Role.NODE, Role.GATEWAY]
    one = admission(FEDERATION, "a", "A", roles, keys, servers=servers)
    assert one == admission(
        FEDERATION, "a", "A", roles[::-1], reversed(keys), servers=servers[::-1]
    )
    moved = [(Role.NODE, "main", "evil:2"), servers[1]]
    for other in (
        admission("b.example", "a", "A", roles, keys, servers=servers),
        admission(FEDERATION, "b", "A", roles, keys, servers=servers),
        admission(FEDERATION, "a", "B", roles, keys, servers=servers),
        admission(FEDERATION, "a", "A", roles[:1], keys, servers=servers),
        admission(FEDERATION, "a", "A", roles, keys[1:], servers=servers),
        admission(FEDERATION, "a", "A", roles, keys, servers=moved),
        admission(FEDERATION, "a", "A", roles, keys, servers=servers[1:]),
    ):
        assert one != other
