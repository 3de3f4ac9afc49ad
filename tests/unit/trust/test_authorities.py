"""Roots and issuing authorities in a bundle: their form, their order, and what TLS may trust."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Issuing, Root
from certs.authority_files import to_pem
from certs.profiles import root_certificate
from landbridge.agency import Role
from landbridge.clock import to_datetime, to_iso
from landbridge.errors import Reason
from landbridge.trust.authority import subject_key_id
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState, BundleDocument
from landbridge.trust.issuers import authority_key_ids, lay_out_issuers, roots_at
from tests.bundles import bundle, content, refusal, signed
from tests.pki import BOARD, FEDERATION, shared_federation
from tests.succession import authority, now, present, record_of, with_authorities

PUBLISHED, ACTIVE, RETIRING = STANDING = (
    AuthorityState.PUBLISHED,
    AuthorityState.ACTIVE,
    AuthorityState.RETIRING,
)
TAINTED, REMOVED, ABORTED = (
    AuthorityState.TAINTED,
    AuthorityState.REMOVED,
    AuthorityState.ABORTED,
)
HOUR_MS = 3_600_000


def next_root() -> Root:
    return shared_federation().root.create_next(shared_federation().clock)


def issuing(root: Root, generation: int) -> Issuing:
    return root.create_issuing(shared_federation().clock, generation=generation)


def pems(anchors: bytes) -> list[bytes]:
    return [to_pem(each) for each in x509.load_pem_x509_certificates(anchors)] if anchors else []


@pytest.mark.parametrize("state", [state for state in AuthorityState if state != "prepared"])
def test_root_is_an_anchor_while_it_is_in_use(state: AuthorityState) -> None:
    made = next_root()
    changed = with_authorities(record_of(made, state))
    first = shared_federation().root.pem
    if state in STANDING:
        assert pems(roots_at(changed, now())) == [first, made.pem]
    elif state is TAINTED:
        # The root before vouches for it in a cross-certificate: its own authorities stand instead.
        own = shared_federation().issuing.pem
        assert pems(roots_at(changed, now())) == [own, made.pem]
        assert pems(roots_at(changed, now() + HOUR_MS)) == [own]
    else:
        assert pems(roots_at(changed, now())) == [first]


def test_expired_root_is_no_anchor() -> None:
    end = round(shared_federation().root.certificate.not_valid_after_utc.timestamp() * 1000)
    assert pems(roots_at(present(), end - 1)) == [shared_federation().root.pem]
    assert roots_at(present(), end) == b""
    assert bundle().roots_at(end) == b""
    assert bundle().roots_pem == shared_federation().root.pem


@pytest.mark.parametrize("state", [TAINTED, REMOVED])
def test_root_above_a_tainted_authority_gives_way_to_the_sound_ones(state: AuthorityState) -> None:
    pki = shared_federation()
    until = present().issued_at + timedelta(hours=1)
    second, third = issuing(pki.root, 2), issuing(pki.root, 3)
    changed = with_authorities(
        authority("issuing-1", state=state, until=until),
        record_of(second, ACTIVE, "root-1"),
        record_of(third, PUBLISHED, "root-1"),
    )
    sound = [second.pem, third.pem]
    during = [pki.issuing.pem, *sound] if state is TAINTED else sound
    assert pems(roots_at(changed, now())) == during
    assert pems(roots_at(changed, now() + HOUR_MS)) == sound
    end = round(pki.issuing.certificate.not_valid_after_utc.timestamp() * 1000)
    assert pems(roots_at(changed, end)) == [pki.root.pem]


def test_authority_that_retired_in_order_leaves_its_root_alone() -> None:
    pki = shared_federation()
    second = record_of(issuing(pki.root, 2), ACTIVE, "root-1")
    changed = with_authorities(authority("issuing-1", state=REMOVED), second)
    assert pems(roots_at(changed, now())) == [pki.root.pem]


def test_issuers_are_those_in_use_under_a_root_in_use() -> None:
    pki = shared_federation()
    made = issuing(pki.root, 2)
    for state in (*STANDING[::2], TAINTED):
        found = lay_out_issuers(with_authorities(record_of(made, state, "root-1")))
        issuer = found[subject_key_id(made.certificate)]
        assert (issuer.id, issuer.state, issuer.root_id) == ("issuing-2", state, "root-1")
        assert issuer.until_ms == (now() + HOUR_MS if state is TAINTED else None)
    for state in (REMOVED, ABORTED):
        changed = with_authorities(record_of(made, state, "root-1"))
        assert subject_key_id(made.certificate) not in lay_out_issuers(changed)
        assert subject_key_id(made.certificate) in authority_key_ids(changed)


def test_authority_ends_with_its_root() -> None:
    pki = shared_federation()
    after = next_root()
    made = issuing(after, 2)
    until = present().issued_at + timedelta(minutes=30)
    roots = (
        authority("root-1", state=TAINTED, until=until),
        record_of(after, ACTIVE),
        record_of(made, ACTIVE, "root-2"),
    )
    late = authority("issuing-1", state=TAINTED, until=until + timedelta(hours=1))
    found = lay_out_issuers(with_authorities(*roots, late))
    assert found[subject_key_id(pki.issuing.certificate)].until_ms == now() + HOUR_MS // 2
    removed = authority("root-1", state=REMOVED)
    found = lay_out_issuers(with_authorities(removed, *roots[1:], late))
    assert [issuer.id for issuer in found.values()] == ["issuing-2"]


def test_active_issuer_is_the_one() -> None:
    active = bundle().active_issuer
    assert (active.id, active.state) == ("issuing-1", ACTIVE)
    assert bundle().issuers == {active.key_id: active}
    assert active.certificate == shared_federation().issuing.certificate


def test_active_authority_under_a_removed_root_is_refused() -> None:
    roots = (authority("root-1", state=REMOVED), record_of(next_root(), ACTIVE))
    error = refusal(lambda: lay_out_issuers(with_authorities(*roots)))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


Authorities = list[dict[str, Any]]


def _dump(changed: BundleDocument) -> Authorities:
    found: Authorities = changed.model_dump(mode="json")["authorities"]
    return found


def _two_active(a: Authorities) -> None:
    a += _dump(with_authorities(record_of(issuing(shared_federation().root, 2), ACTIVE, "root-1")))[
        2:
    ]


def _none_active(a: Authorities) -> None:
    a[1]["state"] = "retiring"


def _only_prepared(a: Authorities) -> None:
    a += _dump(
        with_authorities(record_of(issuing(shared_federation().root, 2), PUBLISHED, "root-1"))
    )[2:]
    a[2]["state"] = "prepared"


def _id_twice(a: Authorities) -> None:
    _only_prepared(a)
    a[2].update(state="published", id="issuing-1")


def _key_twice(a: Authorities) -> None:
    a.append({**a[1], "id": "issuing-2", "state": "published"})


def _id_of_another_level(a: Authorities) -> None:
    a[1]["id"] = "root-2"


def _id_of_odd_form(a: Authorities) -> None:
    a[1]["id"] = "issuing-01"


def _issuer_unknown(a: Authorities) -> None:
    a[1]["issuer"] = "root-2"


def _issuer_not_named(a: Authorities) -> None:
    a[1]["issuer"] = ""


def _root_with_an_issuer(a: Authorities) -> None:
    a[0]["issuer"] = "root-1"


def _signed_by_a_stranger(a: Authorities) -> None:
    stranger = Root.create(FEDERATION, shared_federation().clock)
    a[1]["certificate"] = issuing(stranger, 1).pem.decode()


def _issuing_as_root(a: Authorities) -> None:
    a[0]["certificate"] = a[1]["certificate"]


def _root_as_issuing(a: Authorities) -> None:
    a[1]["certificate"] = a[0]["certificate"]


def _root_of_a_small_curve(a: Authorities) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    small = root_certificate(key, FEDERATION, 1, to_datetime(now()))
    a[0]["certificate"] = to_pem(small).decode()


def _two_in_one_entry(a: Authorities) -> None:
    a[0]["certificate"] += a[1]["certificate"]


def _leaf_as_issuing(a: Authorities) -> None:
    credential = shared_federation().state(BOARD, Role.REQUESTER) / "credential.pem"
    leaf = x509.load_pem_x509_certificates(credential.read_bytes())[0]
    a[1]["certificate"] = to_pem(leaf).decode()


def _huge(a: Authorities) -> None:
    a[0]["certificate"] += "#" * 5000


def _not_text(a: Authorities) -> None:
    a[0]["certificate"] = None


def _tainted_without_end(a: Authorities) -> None:
    _only_prepared(a)
    a[2]["state"] = "tainted"


def _end_without_taint(a: Authorities) -> None:
    a[1]["until"] = to_iso(now())


def _cross_over_another_key(a: Authorities) -> None:
    a[0]["cross"] = to_pem(next_root().cross).decode()


def _issuing_as_cross(a: Authorities) -> None:
    a[0]["cross"] = a[1]["certificate"]


def _issuing_with_a_cross(a: Authorities) -> None:
    a[1]["cross"] = a[0]["certificate"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_two_active, "exactly one"),
        (_none_active, "exactly one"),
        (_only_prepared, "only prepared"),
        (_id_twice, "twice"),
        (_key_twice, "twice"),
        (_id_of_another_level, "level"),
        (_id_of_odd_form, "id"),
        (_issuer_unknown, "not signed by its root"),
        (_issuer_not_named, "names its root"),
        (_root_with_an_issuer, "names none"),
        (_signed_by_a_stranger, "not signed by its root"),
        (_issuing_as_root, "not a root"),
        (_root_as_issuing, "form of an issuing"),
        (_root_of_a_small_curve, "not a root"),
        (_two_in_one_entry, "one authority"),
        (_leaf_as_issuing, "one authority"),
        (_huge, "longer than"),
        (_not_text, "string"),
        (_tainted_without_end, "no end"),
        (_end_without_taint, "not tainted"),
        (_cross_over_another_key, "cross-certificate"),
        (_issuing_as_cross, "cross-certificate"),
        (_issuing_with_a_cross, "form of an issuing"),
    ],
)
def test_unsound_authorities_are_refused_though_signed(spoil: Any, why: str) -> None:
    changed = content()
    spoil(changed["authorities"])
    error = refusal(lambda: TrustBundle.parse(signed(changed), None))
    assert error.reason is Reason.BAD_TRUST_BUNDLE
    assert why in error.message
