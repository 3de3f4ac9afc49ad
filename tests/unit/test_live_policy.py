"""A policy that follows the trust: what a tainted key signed grants nothing, with no restart."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from certs.federation import FederationPki
from landbridge.agency import Role
from landbridge.clock import system_clock, to_datetime
from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, SigningKey
from landbridge.live_policy import LivePolicy
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.folder import read_memoranda
from landbridge.memorandum.signature import SignedForm
from landbridge.policy.authorization import AccessRequest, authorize
from landbridge.subject import SubjectKind
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import MemberRecord
from landbridge.trust.store import TrustStore
from tests.memoranda import make_memorandum
from tests.moving_trust import ACTIVE, RETIRING, TAINTED, MovingTrust
from tests.pki import BOARD, COUNCIL, REGISTRY, make_federation


class Node:
    """The registry's node: its folder, the trust in it, and what its memoranda allow."""

    def __init__(self, folder: Path) -> None:
        self.pki: FederationPki = make_federation(folder)
        self.trust = MovingTrust(self.pki)
        self.state = self.pki.state(REGISTRY, Role.NODE)
        self.store = TrustStore.open(self.state)
        self.told: list[object] = []
        self.sign("pair", BOARD)
        self.sign("three", BOARD, COUNCIL)
        self.policy = LivePolicy(self.store, self.read, failed=self.told.append)
        self.told.clear()

    def key(self, agency: str) -> SigningKey:
        role = Role.NODE if agency == REGISTRY else Role.REQUESTER
        return SigningKey.load(self.pki.state(agency, role) / "keys" / "memorandum.key")

    def sign(self, name: str, *others: str) -> None:
        memorandum = make_memorandum(
            [{"provider": REGISTRY, "requesters": [BOARD], "dataset": name}],
            name=name,
            parties=(REGISTRY, *others),
            valid=("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
        )
        form = SignedForm(memorandum.to_json())
        for agency in memorandum.parties:
            form = form.add(self.key(agency), agency)
        path = self.state / "memoranda" / f"{name}.jws.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(form.to_bytes())

    def read(self, bundle: TrustBundle) -> Iterator[Memorandum]:
        def refused(path: Path, error: LandbridgeError) -> None:
            self.told.append((path.name.partition(".")[0], error.code))

        folder = self.state / "memoranda"
        return read_memoranda(folder, bundle, at=system_clock(), refused=refused)

    def allows(self) -> list[str]:
        """Name the memoranda that release anything to the board."""
        requests = {
            name: AccessRequest(
                REGISTRY, name, BOARD, "why", SubjectKind.LEGAL_ENTITY, ("f",), system_clock()
            )
            for name in ("pair", "three")
        }
        return [
            name for name, asked in requests.items() if authorize(self.policy(), asked).allowances
        ]

    def take(self) -> None:
        self.store.offer([self.trust.bundle.document])


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_key_that_is_replaced_keeps_what_it_signed(node: Node) -> None:
    before, old = node.policy(), node.key(COUNCIL)
    new = SigningKey.generate(COUNCIL, KeyUse.MEMORANDUM)
    node.trust.introduce(old, new)
    node.take()
    node.trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    node.take()
    assert node.allows() == ["pair", "three"]
    assert node.policy() is not before
    assert node.told == []


def test_what_a_tainted_key_signed_grants_nothing_and_the_rest_stands(node: Node) -> None:
    now = to_datetime(system_clock())
    node.trust.move({node.key(COUNCIL).key_id: TAINTED}, ends=now)
    node.take()
    assert node.allows() == ["pair"]
    assert node.told == [("three", "LB-4002")]


def test_a_party_that_is_suspended_ends_nobody_elses_agreement(node: Node) -> None:
    def suspend(member: MemberRecord) -> dict[str, object]:
        return {"suspended_at": to_datetime(system_clock()), "revision": member.revision + 1}

    node.trust.change(COUNCIL, suspend)
    node.take()
    assert node.allows() == ["pair", "three"]
    assert node.told == []
    # Nobody can tell whether the thief signed before the suspension.
    ends = to_datetime(system_clock()) + timedelta(seconds=1)
    node.trust.move({node.key(COUNCIL).key_id: TAINTED}, ends=ends)
    assert [one.id for one in node.read(node.trust.bundle)] == ["pair"]


def test_a_bundle_that_changes_no_member_changes_no_policy(node: Node) -> None:
    before = node.policy()
    node.trust.change(COUNCIL, lambda _: {})
    node.take()
    assert node.store.current.bundle.number == node.trust.content.number
    assert node.policy() is before


def test_a_folder_that_cannot_be_read_leaves_the_policy_and_is_told(node: Node) -> None:
    before, three = node.policy(), node.state / "memoranda" / "three.jws.json"
    three.rename(three.with_suffix(".away"))
    three.mkdir()
    node.trust.move({node.key(COUNCIL).key_id: TAINTED}, ends=to_datetime(system_clock()))
    node.take()
    assert node.policy() is before
    assert [getattr(error, "code", "") for error in node.told] == ["LB-1101"]
    three.rmdir()
    three.with_suffix(".away").rename(three)
    node.trust.change(BOARD, lambda _: {})
    node.take()
    assert node.allows() == ["pair"]
