"""What parties tell of themselves, and what the federation's standing makes of it."""

import pytest

from certs.proof import ACKNOWLEDGEMENT_TYPE, prove
from landbridge.errors import Reason
from landbridge.trust.approval import Act
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import NODE, Desk, Holder
from tests.bundles import refusal
from tests.pki import REGISTRY


def standing(desk: Desk) -> messages.PartyStanding:
    parties = desk.registrar.standing().parties
    return next(each for each in parties if each.identity == NODE.uri)


def test_what_a_party_tells_is_shown(desk: Desk) -> None:
    desk.clock.now += 1000
    desk.acknowledge(desk.node, alarms=("clock is off", "\x1b[31mred"))
    shown = standing(desk)
    assert (shown.acknowledged, shown.heard_at_unix_ms) == (desk.number, desk.clock())
    assert (shown.serial, shown.issuer) == (desk.node.serial, "issuing-1")
    assert list(shown.alarms) == ["clock is off", " [31mred"]
    assert shown.lag == ""


def test_who_lags_is_named_with_the_cause(desk: Desk) -> None:
    desk.acknowledge(desk.node)
    desk.act(Act.MEMBER_SUSPEND, "council.four", revision=1)
    assert standing(desk).lag == f"it uses bundle {desk.number - 1}"
    desk.clock.now += 20 * 60_000
    assert "silent for 20 minutes" in standing(desk).lag
    desk.clock.now += 24 * 3_600_000
    assert "must enrol again" in standing(desk).lag
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=1)
    assert standing(desk).lag == ""


def test_an_older_acknowledgement_does_not_come_after_a_newer(desk: Desk) -> None:
    old = desk.acknowledgement(desk.node)
    desk.clock.now += 1
    desk.acknowledge(desk.node)
    assert refusal(lambda: desk.registrar.acknowledge(old)).reason is Reason.STALE_QUERY


def test_an_acknowledgement_of_another_holder_is_refused(desk: Desk) -> None:
    stolen = Holder(desk.holders[next(iter(desk.holders))].key, desk.node.leaf)
    assert refusal(lambda: desk.acknowledge(stolen)).reason is Reason.BAD_SIGNATURE


def test_a_bundle_that_does_not_exist_cannot_be_acknowledged(desk: Desk) -> None:
    error = refusal(lambda: desk.acknowledge(desk.node, number=desk.number + 1))
    assert error.reason is Reason.MALFORMED_REQUEST


def test_trials_count_while_they_last(desk: Desk) -> None:
    desk.prepare_issuing("issuing-2")
    desk.act(Act.AUTHORITY_PUBLISH, "issuing-2")
    assert "has not proven issuing-2" in standing(desk).lag
    desk.acknowledge(desk.node, proven=("issuing-2", "issuing-9", "x" * 400))
    assert list(standing(desk).proven) == ["issuing-2"]
    # What is not told again stays, what is taken back goes.
    desk.acknowledge(desk.node)
    assert list(standing(desk).proven) == ["issuing-2"]
    desk.acknowledge(desk.node, refused=("issuing-2",))
    assert list(standing(desk).proven) == []
    assert list(standing(desk).alarms) == ["trial of issuing-2: no"]


def test_what_is_shown_is_not_erased_whatever_is_said(desk: Desk) -> None:
    desk.acknowledge(desk.node, erased=(desk.node.serial,))
    assert desk.renew(desk.node)


def test_nobody_erases_for_another(desk: Desk) -> None:
    other = next(holder for identity, holder in desk.holders.items() if identity != NODE)
    desk.acknowledge(other, erased=(desk.node.serial,))
    assert desk.renew(desk.node)


def test_a_revoked_certificate_acknowledges_nothing(desk: Desk) -> None:
    desk.act(Act.CERTIFICATE_REVOKE, f"{desk.node.issuer}/{desk.node.serial}")
    reason = refusal(lambda: desk.acknowledge(desk.node)).reason
    assert reason is Reason.CERTIFICATE_REVOKED
    assert "revoked" in standing(desk).lag


def test_a_party_is_bounded_in_what_it_tells(desk: Desk) -> None:
    many = tuple(f"alarm {n} " + "x" * 20 for n in range(150))
    desk.acknowledge(desk.node, alarms=many)
    assert len(standing(desk).alarms) == 100
    desk.clock.now += 1
    desk.acknowledge(desk.node, alarms=("y" * 9000,))
    assert len(standing(desk).alarms[0]) == 300


@pytest.mark.parametrize("told", [b"\xff", b"x" * 100_000])
def test_garbage_is_refused(desk: Desk, told: bytes) -> None:
    proof = prove(ACKNOWLEDGEMENT_TYPE, told, desk.node.key, desk.node.leaf)
    request = messages.AcknowledgeRequest(acknowledgement=told, proof=proof)
    assert refusal(lambda: desk.registrar.acknowledge(request)).reason is Reason.MALFORMED_REQUEST
