"""What the node makes of the consents that a query carries."""

import json
from collections.abc import Collection

from landbridge.consent.record import WHAT, read_record
from landbridge.consent.revocation import Revocation, revoke_as_desk, verify_revocation
from landbridge.errors import Reason
from landbridge.query import Query
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectKind
from node.consents import ConsentCheck, Consents
from tests.bundles import refusal
from tests.consents import (
    DATASET,
    DESK,
    OTHER_DESK,
    OTHER_PERSON,
    PERSON,
    PROVIDER,
    PURPOSE,
    REQUESTER,
    by_desk,
    by_person,
    desks,
    ed25519,
    instant,
)
from tests.pki import SCHOOLS


def query(*consents: bytes) -> Query:
    return Query(
        nonce=b"n" * 16,
        federation=desks().bundle.federation,
        requester=REQUESTER,
        subject=PERSON.subject,
        subject_kind=SubjectKind.NATURAL_PERSON,
        purpose=PURPOSE,
        case_reference="C-1",
        wanted=(),
        issued_at=desks().now,
        expires_at=desks().now + 60_000,
        consents=consents,
    )


def revoke(document: bytes) -> Revocation:
    record = read_record(SignedByOne.parse(document, WHAT).payload)
    signed = revoke_as_desk(record, desks().key, revoked_at=instant(desks().now))
    return verify_revocation(signed.to_bytes(), desks().bundle, desks().now)


def check(
    *consents: bytes,
    revoked: Collection[Revocation] = (),
    taken: Collection[str] = (DESK,),
    provider: str = PROVIDER,
    at: int | None = None,
) -> ConsentCheck:
    now = desks().now if at is None else at
    consenting = Consents(lambda: desks().bundle, lambda: tuple(revoked))
    return consenting.check(query(*consents), provider=provider, desks=taken, at=now)


def reason(found: ConsentCheck) -> Reason:
    assert found.datasets == frozenset()
    assert found.digests == ()
    assert found.refusal is not None
    assert PERSON.number not in str(found.refusal)
    return found.refusal.reason


def test_no_consent_opens_nothing_and_is_no_wrong_consent() -> None:
    found = check()
    assert (found.datasets, found.digests, found.refusal) == (frozenset(), (), None)


def test_a_consent_opens_its_datasets_of_this_provider() -> None:
    document = by_desk(datasets=(f"{PROVIDER}/{DATASET}", f"{SCHOOLS}/degrees"))
    found = check(document)
    assert found.datasets == {DATASET}
    assert len(found.digests) == 1
    assert check(document, provider=SCHOOLS).datasets == {"degrees"}
    # Of any other dataset of the provider the node can say why it stays closed.
    assert found.refusal is not None
    assert found.refusal.reason is Reason.CONSENT_REFUSED
    assert "does not name this dataset" in found.refusal.message


def test_several_consents_add_up_and_a_wrong_one_takes_nothing_away() -> None:
    wrong = by_desk(subject=OTHER_PERSON.subject)
    found = check(
        by_desk(), b"garbage", by_person(ed25519(), datasets=(f"{PROVIDER}/degrees",)), wrong
    )
    assert found.datasets == {DATASET, "degrees"}
    assert len(set(found.digests)) == 2
    assert found.refusal is not None


def test_a_consent_has_one_digest_however_its_document_is_laid_out() -> None:
    document = by_desk()
    other = json.dumps(json.loads(document), indent=7).encode()
    assert document != other
    assert check(document).digests == check(other).digests != ()


def test_which_desks_vouch_is_said_dataset_by_dataset() -> None:
    two = by_desk(desks().other, datasets=(f"{PROVIDER}/{DATASET}", f"{PROVIDER}/degrees"))
    found = check(by_desk(), two, taken=(DESK, OTHER_DESK))
    assert found.vouched == {DATASET: {DESK, OTHER_DESK}, "degrees": {OTHER_DESK}}


def test_what_was_relied_on_can_be_looked_at_again() -> None:
    document, noticed = by_desk(), list[Revocation]()
    consenting = Consents(lambda: desks().bundle, lambda: tuple(noticed))
    found = consenting.check(query(document), provider=PROVIDER, desks=(DESK,), at=desks().now)
    consenting.check_revocations(found.relied_on)
    noticed.append(revoke(document))
    error = refusal(lambda: consenting.check_revocations(found.relied_on))
    assert error.reason is Reason.CONSENT_REVOKED
    assert f"revoked by {DESK}" in error.message


def test_the_first_wrong_consent_is_told() -> None:
    assert reason(check(b"garbage", by_desk(purpose="curiosity"))) is Reason.MALFORMED_CONSENT
    assert reason(check(by_desk(purpose="curiosity"), b"garbage")) is Reason.CONSENT_REFUSED


def test_only_the_word_of_a_desk_of_the_memoranda_counts() -> None:
    found = check(by_desk(), taken=(OTHER_DESK,))
    assert reason(found) is Reason.CONSENT_REFUSED
    assert found.refusal is not None
    assert DESK in found.refusal.message
    assert reason(check(by_desk(), taken=())) is Reason.CONSENT_REFUSED
    assert check(by_desk(desks().other), taken=(OTHER_DESK,)).datasets == {DATASET}


def test_for_another_person_requester_or_purpose_it_opens_nothing() -> None:
    for change in (
        {"subject": OTHER_PERSON.subject},
        {"requester": SCHOOLS},
        {"purpose": "curiosity"},
        {"datasets": (f"{SCHOOLS}/degrees",)},
    ):
        assert reason(check(by_desk(**change))) is Reason.CONSENT_REFUSED


def test_not_yet_and_no_longer() -> None:
    now = desks().now
    document = by_desk(valid_from=instant(now), valid_until=instant(now + 10_000))
    start = now // 1000 * 1000
    assert reason(check(document, at=start - 1)) is Reason.CONSENT_REFUSED
    assert check(document, at=start).datasets == {DATASET}
    assert check(document, at=start + 9_999).datasets == {DATASET}
    assert reason(check(document, at=start + 10_000)) is Reason.CONSENT_REFUSED


def test_revoked_a_moment_ago() -> None:
    document = by_desk()
    noticed: list[Revocation] = []
    assert check(document, revoked=noticed).datasets == {DATASET}
    noticed.append(revoke(document))
    assert reason(check(document, revoked=noticed)) is Reason.CONSENT_REVOKED


def test_the_revocation_of_another_consent_changes_nothing() -> None:
    assert check(by_desk(), revoked=[revoke(by_desk())]).datasets == {DATASET}


def test_one_of_two_consents_is_revoked() -> None:
    one, other = by_desk(), by_desk()
    found = check(one, other, revoked=[revoke(one)])
    assert found.datasets == {DATASET}
    assert len(found.digests) == 1
