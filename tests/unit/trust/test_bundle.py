"""What a trust bundle vouches for, and when."""

from pathlib import Path

import pytest

from landbridge.agency import Identity, Role
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState
from tests.bundles import add_key, bundle, content, refusal, signed
from tests.pki import (
    BOARD,
    FEDERATION,
    GATEWAY,
    REGISTRY,
    SCHOOLS,
    make_federation,
    shared_federation,
)

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
ORIGIN = f"{REGISTRY}.{FEDERATION}/node/main"


def test_bundle_names_members_endpoints_and_keys(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    found = pki.publish(addresses={NODE: "127.0.0.1:7001"})
    assert found.federation == FEDERATION
    assert found.number == 2
    assert found.members[BOARD].roles == {Role.REQUESTER}
    assert found.members[REGISTRY].title == "Registry One"
    (endpoint,) = found.endpoints(Role.NODE)
    assert (endpoint.agency, endpoint.address) == (REGISTRY, "127.0.0.1:7001")
    assert endpoint.dns_name == f"main.node.{REGISTRY}.{FEDERATION}"
    assert found.endpoints(Role.GATEWAY) == ()
    for party in pki.parties.values():
        assert (party.folder / "trust-bundle.json").read_bytes() == found.document


def test_key_speaks_for_its_agency_and_use_alone() -> None:
    pki = shared_federation()
    now = pki.clock()
    key = SigningKey.load(pki.state(BOARD, Role.REQUESTER) / "keys" / "query.key")
    agency, public = bundle().verifying_key(key.key_id, KeyUse.QUERY, now)
    assert agency == BOARD
    public.verify(key.sign(b"query"), b"query")
    error = refusal(lambda: bundle().verifying_key(key.key_id, KeyUse.MEMORANDUM, now))
    assert error.reason is Reason.UNTRUSTED_KEY
    assert "'query', not 'memorandum'" in error.message


def test_unknown_key_is_named_but_cut() -> None:
    error = refusal(lambda: bundle().verifying_key("x" * 5000, KeyUse.QUERY, 0))
    assert error.reason is Reason.UNTRUSTED_KEY
    assert len(error.message) < 200


def test_key_is_trusted_within_its_time_alone() -> None:
    pki = shared_federation()
    key_id = pki.parties[NODE].keys[KeyUse.LOG].key_id
    record = next(k for k in content()["members"][REGISTRY]["keys"] if k["key_id"] == key_id)
    assert record["not_before"] < record["not_after"]
    made = pki.parties[NODE].made_at
    first, last = made - 300_000, made + 365 * 86_400_000
    for at in (first, made, last - 1):
        assert bundle().verifying_key(key_id, KeyUse.LOG, at)[0] == REGISTRY
    for at in (first - 1, last):
        error = refusal(lambda at=at: bundle().verifying_key(key_id, KeyUse.LOG, at))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_a_bundle_that_has_trusted_a_key_still_refuses_it_for_another_time_or_use(
    tmp_path: Path,
) -> None:
    pki = make_federation(tmp_path)
    found = pki.publish(addresses={NODE: "127.0.0.1:7001"}, suspended=[REGISTRY])
    key_id, made = pki.parties[NODE].keys[KeyUse.LOG].key_id, pki.parties[NODE].made_at
    suspended_at = found.members[REGISTRY].suspended_at
    assert suspended_at
    for _ in range(2):
        assert found.verifying_key(key_id, KeyUse.LOG, suspended_at - 1)[0] == REGISTRY
        for use, at in (
            (KeyUse.QUERY, suspended_at - 1),
            (KeyUse.LOG, made - 300_001),
            (KeyUse.LOG, suspended_at),
            (KeyUse.LOG, made + 365 * 86_400_000),
        ):
            error = refusal(lambda use=use, at=at: found.verifying_key(key_id, use, at))
            assert error.reason is Reason.UNTRUSTED_KEY


def test_log_is_found_by_its_origin() -> None:
    pki = shared_federation()
    agency, role, (public,) = bundle().log_keys(ORIGIN, pki.clock())
    assert (agency, role) == (REGISTRY, Role.NODE)
    assert public_text(public) == public_text(pki.parties[NODE].keys[KeyUse.LOG].public)
    assert pki.parties[NODE].origin == ORIGIN
    assert bundle().log_keys(f"{GATEWAY}.{FEDERATION}/gateway/main", pki.clock())[1] is Role.GATEWAY
    asking = f"{BOARD}.{FEDERATION}/requester/main"
    assert bundle().log_keys(asking, pki.clock())[:2] == (BOARD, Role.REQUESTER)
    for origin in (ORIGIN + "/", f"{BOARD}.{FEDERATION}/node/main", ""):
        error = refusal(lambda origin=origin: bundle().log_keys(origin, pki.clock()))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_suspended_agency_serves_nobody_and_signs_no_more(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    addresses = {
        identity: "127.0.0.1:7001" for identity in pki.parties if identity.role is Role.NODE
    }
    found = pki.publish(addresses=addresses, suspended=[REGISTRY])
    assert [endpoint.agency for endpoint in found.endpoints(Role.NODE)] == [SCHOOLS]
    key_id = pki.parties[NODE].keys[KeyUse.LOG].key_id
    suspended_at = found.members[REGISTRY].suspended_at
    assert suspended_at
    for call in (
        lambda: found.verifying_key(key_id, KeyUse.LOG, suspended_at),
        lambda: found.log_keys(ORIGIN, suspended_at),
    ):
        assert "suspended" in refusal(call).message
    # What it signed before stays verifiable.
    assert found.verifying_key(key_id, KeyUse.LOG, suspended_at - 1)[0] == REGISTRY
    assert found.log_keys(ORIGIN, suspended_at - 1)[0] == REGISTRY


def test_agency_that_left_counts_as_suspended() -> None:
    changed = content()
    changed["members"][REGISTRY]["left_at"] = changed["issued_at"]
    found = TrustBundle.parse(signed(changed), None)
    assert found.members[REGISTRY].suspended
    assert found.members[REGISTRY].left_at == found.issued_at
    assert not found.members[REGISTRY].is_in_good_standing(found.issued_at)
    assert found.members[REGISTRY].is_in_good_standing(found.issued_at - 1)


@pytest.mark.parametrize("state", list(AuthorityState))
def test_key_is_trusted_by_its_state_and_time(state: AuthorityState) -> None:
    changed = content()
    record = next(k for k in changed["members"][REGISTRY]["keys"] if k["use"] == "log")
    record["state"] = str(state)
    ends = bundle().issued_at + 1000
    record["not_after"] = to_iso(ends)
    if state is AuthorityState.PREPARED:
        error = refusal(lambda: TrustBundle.parse(signed(changed), None))
        assert error.reason is Reason.BAD_TRUST_BUNDLE
        return
    found = TrustBundle.parse(signed(changed), None)
    if state is AuthorityState.ABORTED:
        assert "never taken" in refusal(lambda: found.log_keys(ORIGIN, ends - 1)).message
        return
    assert found.log_keys(ORIGIN, ends - 1)[0] == REGISTRY
    assert refusal(lambda: found.log_keys(ORIGIN, ends)).reason is Reason.UNTRUSTED_KEY


@pytest.mark.parametrize("state", list(AuthorityState)[1:])
def test_what_was_seen_under_an_earlier_key_counts_unless_a_thief_may_have_signed_it(
    state: AuthorityState,
) -> None:
    changed = content()
    record = next(k for k in changed["members"][REGISTRY]["keys"] if k["use"] == "log")
    hour = 3_600_000
    record["state"], ends = str(state), bundle().issued_at + 2 * hour
    record["not_after"] = to_iso(ends)
    found = TrustBundle.parse(signed(changed), None)
    good = {at: bool(found.past_log_keys(ORIGIN, at)) for at in (None, ends - hour, ends - 1, ends)}
    unsure = state in (AuthorityState.TAINTED, AuthorityState.REMOVED)
    never = state is AuthorityState.ABORTED
    assert good == {
        None: state is not AuthorityState.TAINTED and not never,
        ends - hour: not unsure and not never,
        ends - 1: not unsure and not never,
        ends: False,
    }
    assert bool(found.past_log_keys(ORIGIN, ends - hour - 1)) is not never
    error = refusal(lambda: found.past_log_keys("nobody.market.example/node/main"))
    assert error.reason is Reason.UNTRUSTED_KEY


def test_log_has_every_key_that_is_good_at_that_time() -> None:
    pki = shared_federation()
    present = pki.parties[NODE].keys[KeyUse.LOG]
    later = SigningKey.generate(REGISTRY, KeyUse.LOG)
    changed = content()
    at = bundle().issued_at
    add_key(changed, REGISTRY, later, vouched_by=present, not_before=at + 5000)
    changed["members"][REGISTRY]["logs"][0]["key_ids"].append(later.key_id)
    found = TrustBundle.parse(signed(changed), None)
    assert found.log_keys(ORIGIN, at)[2] == (present.public,)
    assert found.log_keys(ORIGIN, at + 5000)[2] == (present.public, later.public)


def test_what_is_known_of_a_log_at_one_time_is_not_believed_of_another() -> None:
    pki = shared_federation()
    present = pki.parties[NODE].keys[KeyUse.LOG]
    later = SigningKey.generate(REGISTRY, KeyUse.LOG)
    changed = content()
    start = bundle().issued_at
    add_key(changed, REGISTRY, later, vouched_by=present, not_before=start + 5000)
    member = changed["members"][REGISTRY]
    member["logs"][0]["key_ids"].append(later.key_id)
    for record in member["keys"]:
        if record["key_id"] == present.key_id:
            record["not_before"], record["not_after"] = to_iso(start), to_iso(start + 9000)
    member["suspended_at"] = to_iso(start + 12_000)

    def good(found: TrustBundle, at: int) -> tuple[bytes, ...]:
        try:
            keys = found.log_keys(ORIGIN, at)[2]
        except LandbridgeError as error:
            if error.reason is not Reason.UNTRUSTED_KEY:
                raise
            return ()
        return tuple(key.public_bytes_raw() for key in keys)

    turns = [start + after for after in (0, 5000, 9000, 12_000)]
    times = [turn + step for turn in turns for step in (-1, 0, 1)]
    document = signed(changed)
    expected = {at: good(TrustBundle.parse(document, None), at) for at in times}
    assert [len(expected[turn]) for turn in turns] == [1, 2, 1, 0]
    found = TrustBundle.parse(document, None)
    for at in (*times, *reversed(times), *times[::5], *times[::7], *times[1::4]):
        assert good(found, at) == expected[at]
