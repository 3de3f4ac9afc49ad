"""Signing keys that are replaced: what was signed stays verifiable at its time, a thief's does not.

Keys, logs and bundles are real; each bundle must be one that may follow the one before.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.clock import system_clock, to_datetime
from landbridge.envelope import ANSWER_TYPE, QUERY_TYPE, EvidenceVerifier, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.profile import profile_document
from landbridge.trust.document import MemberRecord
from landbridge.v1 import envelope_pb2, log_pb2
from landbridge.verification import verify_profile
from tests.moving_trust import ACTIVE, REMOVED, RETIRING, TAINTED, MovingTrust
from tests.small_town import Town, bakery_answers

Document = dict[str, Any]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.close()


@pytest.fixture
def trust(town: Town) -> MovingTrust:
    return MovingTrust(town.pki)


def saved(town: Town) -> Document:
    return profile_document(town.profile())


def refusal(trust: MovingTrust, document: Document) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(document, trust.bundle)
    return caught.value.reason


def holds(trust: MovingTrust, *documents: Document) -> bool:
    return all(verify_profile(document, trust.bundle).checks for document in documents)


@pytest.mark.parametrize("agency", ["registry", "hall"])
def test_a_log_key_is_replaced_while_the_log_is_in_use(
    town: Town, trust: MovingTrust, agency: str
) -> None:
    """A node's, whose answers stand in the profile, and the gateway's, which signs the profile."""
    log = town.logs[agency]
    old, new = town.parties[agency].keys[KeyUse.LOG], SigningKey.generate(agency, KeyUse.LOG)
    before = saved(town)
    trust.introduce(old, new)
    published = saved(town)
    assert holds(trust, before, published)
    trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    # The party is late: it still signs with the key before, and nobody refuses it.
    late = saved(town)
    log.sign_with(new)
    after = saved(town)
    assert holds(trust, before, published, late, after)
    trust.move({old.key_id: REMOVED}, ends=to_datetime(system_clock() + 1))
    assert holds(trust, before, published, late, after, saved(town))
    log.close()
    others = [old.public, new.public]
    town.logs[agency] = LogStore.open(log._writer.path, log.origin, new, others)
    assert holds(trust, before, saved(town))
    assert len(town.logs[agency].handovers()) == 1


def test_what_a_removed_key_signs_afterwards_is_refused(town: Town, trust: MovingTrust) -> None:
    old, new = (
        town.parties["registry"].keys[KeyUse.LOG],
        SigningKey.generate("registry", KeyUse.LOG),
    )
    before = saved(town)
    trust.introduce(old, new)
    trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    trust.move({old.key_id: REMOVED}, ends=to_datetime(system_clock()))
    assert holds(trust, before)
    assert refusal(trust, saved(town)) is Reason.UNTRUSTED_KEY
    town.logs["registry"].sign_with(new)
    assert holds(trust, saved(town))


@pytest.mark.parametrize("agency", ["registry", "hall"])
def test_what_a_tainted_key_signed_afterwards_is_refused(
    town: Town, trust: MovingTrust, agency: str
) -> None:
    old, new = town.parties[agency].keys[KeyUse.LOG], SigningKey.generate(agency, KeyUse.LOG)
    before = saved(town)
    trust.introduce(old, new)
    taken = to_datetime(system_clock())
    stolen = saved(town)
    trust.move({new.key_id: ACTIVE, old.key_id: TAINTED}, ends=taken, follows=False)
    assert holds(trust, before)
    assert refusal(trust, stolen) is Reason.UNTRUSTED_KEY
    town.logs[agency].sign_with(new)
    assert holds(trust, before, saved(town))


def test_a_thief_cannot_choose_an_earlier_time(town: Town, trust: MovingTrust) -> None:
    """A gateway that is in league with the thief takes a back-dated answer into its profile."""
    key = town.parties["registry"].keys[KeyUse.LOG]
    hour = 3_600_000

    def long_known(member: MemberRecord) -> dict[str, object]:
        longer = [
            one.model_copy(update={"not_before": to_datetime(system_clock() - 48 * hour)})
            for one in member.keys
        ]
        return {"keys": tuple(longer)}

    trust.change("registry", long_known, follows=False)
    taken = to_datetime(system_clock() - hour)
    trust.move({key.key_id: TAINTED}, ends=taken, follows=False)
    query = town.query()
    (_, answer, _) = bakery_answers(town, query)
    entry = log_pb2.LogEntry.FromString(answer.envelope.log.entry)
    entry.logged_at_unix_ms -= 2 * hour
    payload = answer.envelope.payload
    answer.envelope.CopyFrom(town.sign("registry", ANSWER_TYPE, payload, query, entry))
    # Its key was good at the time that the entry claims, but the query was not asked by then.
    verified = EvidenceVerifier(trust.bundle.log_keys).verify(answer.envelope, ANSWER_TYPE)
    assert verified.agency == "registry"
    forged = town.sign_profile(town.assemble(query, [answer]))
    assert refusal(trust, profile_document(forged)) is Reason.BAD_LOG_EVIDENCE


@pytest.mark.parametrize("at", [0, -1, 1 << 62, -(1 << 63)])
def test_an_impossible_time_is_refused_in_words(town: Town, trust: MovingTrust, at: int) -> None:
    query = town.query()
    profile = town.assemble(query, bakery_answers(town, query))
    profile.assembled_at_unix_ms = at
    assert refusal(trust, profile_document(town.sign_profile(profile))) in {
        Reason.BAD_LOG_EVIDENCE,
        Reason.UNTRUSTED_KEY,
    }


def test_a_query_key_is_replaced(town: Town, trust: MovingTrust) -> None:
    board = town.parties["board"]
    old, new = board.keys[KeyUse.QUERY], SigningKey.generate("board", KeyUse.QUERY)
    before = saved(town)
    trust.introduce(old, new)

    def ask(key: SigningKey) -> envelope_pb2.Envelope:
        return sign_batch(QUERY_TYPE, [town.query().payload], key)[0]

    after = profile_document(town.profile_for(ask(new)))
    trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    assert holds(trust, before, after)
    trust.move({old.key_id: REMOVED}, ends=to_datetime(system_clock()))
    assert holds(trust, before, after)
    stale = profile_document(town.profile_for(ask(old)))
    assert refusal(trust, stale) is Reason.UNTRUSTED_KEY


def test_an_agency_that_was_suspended_later_spoke_well_before(
    town: Town, trust: MovingTrust
) -> None:
    before = saved(town)

    def suspend(member: MemberRecord) -> dict[str, object]:
        now = to_datetime(system_clock())
        return {"suspended_at": now, "revision": member.revision + 1}

    trust.change("registry", suspend)
    assert holds(trust, before)
    assert refusal(trust, saved(town)) is Reason.UNTRUSTED_KEY


def test_now_a_gateway_takes_only_what_is_trusted_now(town: Town, trust: MovingTrust) -> None:
    """The same evidence offline, by the time in its entry, and live, by the gateway's own clock."""
    old, new = (
        town.parties["registry"].keys[KeyUse.LOG],
        SigningKey.generate("registry", KeyUse.LOG),
    )
    live = EvidenceVerifier(lambda origin, _: trust.bundle.log_keys(origin, system_clock()))
    query = town.query()
    answers = [bakery_answers(town, query)[1].envelope]
    trust.introduce(old, new)
    trust.move({new.key_id: ACTIVE, old.key_id: RETIRING})
    town.logs["registry"].sign_with(new)
    answers.append(bakery_answers(town, query)[1].envelope)
    assert [live.verify(one, ANSWER_TYPE).agency for one in answers] == ["registry"] * 2
    trust.move({old.key_id: REMOVED}, ends=to_datetime(system_clock()))
    offline = EvidenceVerifier(trust.bundle.log_keys)
    assert [offline.verify(one, ANSWER_TYPE).index for one in answers] == [1, 3]
    assert live.verify(answers[1], ANSWER_TYPE).agency == "registry"
    with pytest.raises(LandbridgeError) as caught:
        live.verify(answers[0], ANSWER_TYPE)
    assert caught.value.reason is Reason.UNTRUSTED_KEY


def test_evidence_under_the_head_of_a_handover_verifies_with_either_key(
    town: Town, trust: MovingTrust
) -> None:
    """The head between two keys bears both signatures; a reader may know only one of them."""
    old, new = (
        town.parties["registry"].keys[KeyUse.LOG],
        SigningKey.generate("registry", KeyUse.LOG),
    )
    query = town.query()
    envelope = bakery_answers(town, query)[1].envelope
    log = town.logs["registry"]
    log.sign_with(new)
    envelope.log.checkpoint = log.handovers()[0]
    envelope.log.path[:] = log.inclusion_proof(envelope.log.index, log.size)
    role = trust.bundle.log_keys(log.origin, system_clock())[1]
    for known in ([old], [new], [old, new]):
        verifier = EvidenceVerifier(
            lambda *_, known=known: ("registry", role, [key.public for key in known])
        )
        assert verifier.verify(envelope, ANSWER_TYPE).index == envelope.log.index
