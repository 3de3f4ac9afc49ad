"""A policy that follows documents and trust: what a tainted key signed grants nothing, at once."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from certs.federation import FederationPki
from landbridge.agency import Role
from landbridge.clock import system_clock, to_datetime
from landbridge.keys import KeyUse, SigningKey
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Refused
from landbridge.library.store import Library, read_shelf
from landbridge.library.trusted_keys import next_change
from landbridge.live_policy import LivePolicy
from landbridge.log.store import LogStore
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from landbridge.policy.authorization import AccessRequest, authorize
from landbridge.rpc.document_log import DocumentLog
from landbridge.subject import SubjectKind
from landbridge.trust.document import MemberRecord, unix_ms
from landbridge.trust.store import TrustStore
from tests.memoranda import make_memorandum
from tests.moving_trust import ACTIVE, RETIRING, TAINTED, MovingTrust
from tests.pki import BOARD, COUNCIL, FEDERATION, REGISTRY, make_federation


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
        key = SigningKey.load(self.state / "keys" / "log.key")
        log = LogStore.open(self.state / "log.sqlite", f"{REGISTRY}.{FEDERATION}/node/main", key)
        self.library = Library(
            self.state,
            self.store,
            recorder=DocumentLog(log),
            refused=self.refused,
            agency=REGISTRY,
        )
        self.policy = LivePolicy(self.library)

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

    def refused(self, refused: Refused) -> None:
        self.told.append((refused.path.name.partition(".")[0], refused.error.code))

    def allows(self, at: int = 0) -> list[str]:
        """Name the memoranda that release anything to the board."""
        requests = {
            name: AccessRequest(
                REGISTRY, name, BOARD, "why", SubjectKind.LEGAL_ENTITY, ("f",), at or system_clock()
            )
            for name in ("pair", "three")
        }
        return [
            name for name, asked in requests.items() if authorize(self.policy(), asked).allowances
        ]

    def give(self, written: WrittenNotice, key: SigningKey) -> None:
        """Put a notice of the registry into the folder."""
        payload = written.to_json()
        path = self.state / Kind.NOTICE.folder / "notice.jws.json"
        path.parent.mkdir()
        path.write_bytes(SignedNotice(payload, (sign(payload, key),)).to_bytes())

    def take(self) -> None:
        self.store.offer([self.trust.bundle.document])
        self.library.follow_files()


def notice_on(memorandum: Memorandum, kind: str, since: str) -> WrittenNotice:
    return WrittenNotice.draft(
        {
            "notice": kind,
            "memorandum": memorandum.id,
            "digest": memorandum.digest,
            "from": since,
            "reason": "Audit",
            "signers": [REGISTRY],
        }
    )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_key_that_is_replaced_keeps_what_it_signed(node: Node) -> None:
    old = node.key(COUNCIL)
    new = SigningKey.generate(COUNCIL, KeyUse.MEMORANDUM)
    node.trust.introduce(old, new)
    node.take()
    node.trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    node.take()
    assert node.allows() == ["pair", "three"]
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
    node.take()
    assert node.allows() == ["pair"]


def test_a_bundle_that_changes_no_member_changes_no_policy(node: Node) -> None:
    before = node.policy()
    node.trust.change(COUNCIL, lambda _: {})
    node.take()
    assert node.store.current.bundle.number == node.trust.content.number
    assert node.policy() is before


@pytest.mark.parametrize("what", ["suspend", "terminate", "amend"])
def test_a_key_that_is_tainted_brings_nothing_back_that_was_stopped(node: Node, what: str) -> None:
    old, new = node.key(REGISTRY), SigningKey.generate(REGISTRY, KeyUse.MEMORANDUM)
    node.trust.introduce(old, new)
    node.take()
    node.trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    node.take()
    (pair,) = (text for text in node.library.shelf.memoranda if text.id == "pair")
    if what == "amend":
        narrower = make_memorandum(
            [{"provider": REGISTRY, "requesters": [BOARD], "dataset": "pair", "fields": ["g"]}],
            name="pair-2",
            parties=pair.parties,
            valid=("2020-01-01T00:00:01Z", "2100-01-01T00:00:00Z"),
            amends="pair",
        )
        form = SignedForm(narrower.to_json()).add(new, REGISTRY).add(node.key(BOARD), BOARD)
        (node.state / "memoranda" / "pair-2.jws.json").write_bytes(form.to_bytes())
    else:
        node.give(notice_on(pair, what, "2026-01-01T00:00:00Z"), new)
    node.library.follow_files()
    assert node.allows() == ["three"]
    node.trust.move({new.key_id: TAINTED}, ends=to_datetime(system_clock()))
    node.take()
    assert node.allows() == ["three"]


def test_an_odd_file_keeps_no_trust_from_being_followed(node: Node) -> None:
    (node.state / "memoranda" / "odd.jws.json").mkdir()
    os.mkfifo(node.state / "memoranda" / "pipe.jws.json")
    node.trust.move({node.key(COUNCIL).key_id: TAINTED}, ends=to_datetime(system_clock()))
    node.take()
    assert node.allows() == ["pair"]
    assert set(node.told) == {("three", "LB-4002"), ("odd", "LB-1101"), ("pipe", "LB-1101")}


def test_documents_are_followed_and_boundaries_in_time_come_by_themselves(node: Node) -> None:
    before = node.policy()
    assert not node.library.follow_files()
    offer = SignedForm(
        make_memorandum([{}], name="offer", parties=("p.a", REGISTRY, "r.a")).to_json()
    )
    path = node.state / "memoranda" / "offer.jws.json"
    path.write_bytes(offer.add(node.key(REGISTRY), REGISTRY).to_bytes())
    assert node.library.follow_files()
    assert node.policy() is before
    (node.state / "memoranda" / "three.jws.json").unlink()
    node.library.follow_files()
    assert node.allows() == ["pair"]
    memorandum = node.library.shelf.memoranda[0]
    start = system_clock() + 3_600_000
    since = to_datetime(start).strftime("%Y-%m-%dT%H:%M:%SZ")
    node.give(notice_on(memorandum, "terminate", since), node.key(REGISTRY))
    node.library.follow_files()
    assert node.allows() == ["pair"]
    assert node.allows(at=start) == []


def test_a_key_that_comes_to_its_end_ends_what_it_signed(node: Node) -> None:
    ends = node.trust.content.members[COUNCIL].keys[-1].not_after
    late = unix_ms(ends)
    assert next_change(node.store.current.bundle, late - 1) == late
    shelf = read_shelf(node.state, node.store.current.bundle, at=late)
    assert shelf.memoranda == ()
    assert {each.error.code for each in shelf.refused} == {"LB-4002"}
