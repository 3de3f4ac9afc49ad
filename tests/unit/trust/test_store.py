"""A party's trust in its folder: what is not acceptable never replaces what is in use."""

import shutil
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from certs.bundle import authority_record, sign_bundle, sign_statement
from certs.federation import FederationPki
from certs.profiles import LEAF_LIFE
from landbridge.agency import Role
from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text, write_whole
from landbridge.party import PartyFolder
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.authority import subject_key_id
from landbridge.trust.document import AuthorityRecord, AuthorityState, BundleDocument
from landbridge.trust.store import FIRST_LIST_WITHIN_MS, LARGEST_BUNDLE, Trust, TrustStore
from tests.bundles import refusal
from tests.pki import BOARD, FEDERATION, REGISTRY, make_federation
from tests.succession import admin, record_of

HOUR_MS = 3_600_000


@pytest.fixture
def pki(tmp_path: Path) -> FederationPki:
    return make_federation(tmp_path)


@pytest.fixture
def store(pki: FederationPki) -> TrustStore:
    return TrustStore.open(folder_of(pki))


def folder_of(pki: FederationPki) -> Path:
    return pki.state(REGISTRY, Role.NODE)


def bundle_file(pki: FederationPki) -> Path:
    return folder_of(pki) / "trust-bundle.json"


def list_file(pki: FederationPki) -> Path:
    return folder_of(pki) / "revocation" / f"{subject_key_id(pki.issuing.certificate)}.crl"


def sign_list(pki: FederationPki, number: int, *serials: int) -> bytes:
    when = to_datetime(pki.clock())
    revoked = [(serial, when, when + LEAF_LIFE) for serial in serials]
    return pki.issuing.sign_crl(number, revoked, pki.clock)


def moved(record: AuthorityRecord, state: AuthorityState) -> AuthorityRecord:
    return record.model_copy(update={"state": state})


def signed_next(pki: FederationPki, **update: object) -> bytes:
    """Sign a successor with the true bundle key, whatever it holds."""
    assert pki.content
    content = pki.content.model_copy(update={"number": pki.number + 1, **update})
    return sign_bundle(content, pki.bundle_key)


def test_folder_is_opened_with_bundle_and_lists(pki: FederationPki, store: TrustStore) -> None:
    trust = store.current
    assert trust.bundle.number == 1
    assert [held.number for held in trust.lists.values()] == [1]
    assert store.follow_files() is False
    party = PartyFolder.open(folder_of(pki))
    assert party.bundle.number == party.trust.current.bundle.number == 1
    assert party.credential.exists()


def test_successor_is_taken_written_and_told(pki: FederationPki, store: TrustStore) -> None:
    told: list[Trust] = []
    end = store.subscribe(told.append)
    document = pki.sign_next(suspended=[BOARD])
    assert store.offer([document]) is True
    assert store.current.bundle.members[BOARD].suspended
    assert bundle_file(pki).read_bytes() == document
    assert told == [store.current]
    assert store.offer([document]) is False
    assert store.follow_files() is False
    assert len(told) == 1
    end()
    assert store.offer([pki.sign_next()]) is True
    assert len(told) == 1


def test_several_come_in_order_and_are_told_once(pki: FederationPki, store: TrustStore) -> None:
    told: list[int] = []
    store.subscribe(lambda trust: told.append(trust.bundle.number))
    assert store.offer([pki.sign_next() for _ in range(3)], [sign_list(pki, 2)])
    assert told == [4]


def test_what_comes_before_the_bad_one_is_taken(pki: FederationPki, store: TrustStore) -> None:
    told: list[int] = []
    store.subscribe(lambda trust: told.append(trust.bundle.number))
    good = pki.sign_next()
    error = refusal(lambda: store.offer([good, b"garbage", pki.sign_next()], [sign_list(pki, 2)]))
    assert error.reason is Reason.BAD_TRUST_BUNDLE
    assert told == [store.current.bundle.number] == [2]
    assert bundle_file(pki).read_bytes() == good


def test_bundle_going_backwards_is_refused(pki: FederationPki, store: TrustStore) -> None:
    first = bundle_file(pki).read_bytes()
    assert store.offer([pki.sign_next(), pki.sign_next()])
    # What was in use before is no news, by however slow a way it comes.
    assert store.offer([first]) is False
    after_restart = TrustStore.open(folder_of(pki))
    for one in (store, after_restart):
        other = signed_next(pki, number=2, members=pki.content.members if pki.content else {})
        assert "is in use" in refusal(lambda o=other, s=one: s.offer([o])).message
    assert refusal(lambda: after_restart.offer([first])).reason is Reason.BAD_TRUST_BUNDLE
    assert after_restart.current.bundle.number == store.current.bundle.number == 3


def test_same_number_with_other_content_is_refused(pki: FederationPki, store: TrustStore) -> None:
    one = pki.sign_next(suspended=[BOARD])
    other = signed_next(pki, number=2, issued_at=to_datetime(pki.clock()))
    store.offer([one])
    assert "number 2 is in use" in refusal(lambda: store.offer([other])).message
    assert bundle_file(pki).read_bytes() == one
    # The same content in other white space is the same bundle.
    assert store.offer([one.replace(b"\n", b" ")]) is False


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"garbage",
        b"{}",
        b"\xff" * 100,
        b"[" * 100_000,
        b" " * (LARGEST_BUNDLE + 1),
    ],
)
def test_garbage_is_refused(pki: FederationPki, store: TrustStore, bad: bytes) -> None:
    before = bundle_file(pki).read_bytes(), store.current
    assert refusal(lambda: store.offer([bad])).reason is Reason.BAD_TRUST_BUNDLE
    assert refusal(lambda: store.offer([], [bad])).reason is Reason.BAD_REVOCATION_LIST
    assert (bundle_file(pki).read_bytes(), store.current) == before


def test_bundle_of_a_stolen_key_gains_nothing(pki: FederationPki, store: TrustStore) -> None:
    assert pki.content
    own = SigningKey.generate(FEDERATION, KeyUse.BUNDLE)
    keyed = pki.content.model_copy(
        update={"number": 2, "bundle_key": public_text(own.public)},
    )
    title = pki.content.members[BOARD].model_copy(update={"title": "Police"})
    for forged in (
        sign_bundle(keyed, own),
        sign_bundle(keyed, pki.bundle_key),
        sign_bundle(pki.content.model_copy(update={"number": 2}), own),
        signed_next(pki, members={**pki.content.members, BOARD: title}),
        signed_next(pki, federation="elsewhere.example"),
    ):
        error = refusal(lambda f=forged: store.offer([f]))
        assert error.reason is Reason.BAD_TRUST_BUNDLE
    assert store.current.bundle.number == 1


def replaced(pki: FederationPki, key: SigningKey, *admins: SigningKey) -> bytes:
    assert pki.content
    text = public_text(key.public)
    statement = Statement(
        FEDERATION, Act.BUNDLE_KEY_REPLACE, pki.content.bundle_key, 0, digest_of(text.encode())
    )
    update = {
        "number": pki.number + 1,
        "bundle_key": text,
        "approvals": (sign_statement(statement, admins),),
    }
    return sign_bundle(pki.content.model_copy(update=update), key)


def test_bundle_key_is_replaced_by_two_administrators(
    pki: FederationPki, store: TrustStore
) -> None:
    key = SigningKey.generate(FEDERATION, KeyUse.BUNDLE)
    one, two = admin("first", pki), admin("second", pki)
    assert refusal(lambda: store.offer([replaced(pki, key, one)])).reason is Reason.BAD_TRUST_BUNDLE
    former = signed_next(pki, number=3)
    assert store.offer([replaced(pki, key, one, two)]) is True
    assert (folder_of(pki) / "anchor.pub").read_text().split() == [public_text(key.public)]
    # The former key signs no more, now and after a restart.
    again = TrustStore.open(folder_of(pki))
    for each in (store, again):
        assert refusal(lambda s=each: s.offer([former])).reason is Reason.BAD_TRUST_BUNDLE
    assert again.current.bundle.anchor == key.public


def test_crash_while_the_bundle_key_is_replaced_leaves_a_whole_folder(
    pki: FederationPki, store: TrustStore
) -> None:
    key = SigningKey.generate(FEDERATION, KeyUse.BUNDLE)
    new = replaced(pki, key, admin("first", pki), admin("second", pki))
    old_text, new_text = public_text(pki.bundle_key.public), public_text(key.public)
    anchor = folder_of(pki) / "anchor.pub"
    anchor.write_text(f"{old_text}\n{new_text}\n")
    assert TrustStore.open(folder_of(pki)).current.bundle.number == 1
    bundle_file(pki).write_bytes(new)
    assert TrustStore.open(folder_of(pki)).current.bundle.number == 2
    assert store.follow_files() is True
    for text in ("", "garbage", f"{old_text}\n" * 3):
        anchor.write_text(text)
        error = refusal(lambda: TrustStore.open(folder_of(pki)))
        assert error.reason is Reason.INVALID_CONFIGURATION


def test_list_number_never_goes_down(pki: FederationPki, store: TrustStore) -> None:
    first = list_file(pki).read_bytes()
    issuer = subject_key_id(pki.issuing.certificate)
    newest = sign_list(pki, 5, 0x1F)
    assert store.offer([], [newest]) is True
    assert store.current.is_revoked(issuer, 0x1F)
    assert not store.current.is_revoked("ab" * 20, 0x1F)
    assert list_file(pki).read_bytes() == newest
    assert store.offer([], [newest, first]) is False
    for number in (4, 5):
        error = refusal(lambda n=number: store.offer([], [sign_list(pki, n)]))
        assert error.reason is Reason.BAD_REVOCATION_LIST
        assert "number 5 is in use" in error.message
    again = TrustStore.open(folder_of(pki))
    assert refusal(lambda: again.offer([], [first])).reason is Reason.BAD_REVOCATION_LIST
    assert again.current.is_revoked(issuer, 0x1F)


def test_list_of_an_unknown_authority_is_refused(pki: FederationPki, store: TrustStore) -> None:
    other = pki.root.create_issuing(pki.clock, generation=2)
    error = refusal(lambda: store.offer([], [other.sign_crl(9, [], pki.clock)]))
    assert "does not list" in error.message


def with_second_issuing(pki: FederationPki, first: AuthorityState) -> BundleDocument:
    """Have a second issuing authority take over; the first goes on in another state."""
    assert pki.content
    root, one = pki.content.authorities
    second = record_of(
        pki.root.create_issuing(pki.clock, generation=2), AuthorityState.ACTIVE, "root-1"
    )
    authorities = (root, one.model_copy(update={"state": first}), second)
    return pki.content.model_copy(update={"number": 2, "authorities": authorities})


def test_list_of_a_removed_authority_is_dropped(pki: FederationPki, store: TrustStore) -> None:
    content = with_second_issuing(pki, AuthorityState.REMOVED)
    assert store.offer([sign_bundle(content, pki.bundle_key)]) is True
    assert store.current.lists == {}
    assert store.offer([], [sign_list(pki, 9)]) is False
    assert TrustStore.open(folder_of(pki)).current.lists == {}


def test_lists_are_stale_past_their_time(pki: FederationPki, store: TrustStore) -> None:
    (held,) = store.current.lists.values()
    assert store.current.stale_since(held.next_update - 1) is None
    assert store.current.stale_since(held.next_update) == held.next_update
    assert store.current.stale_since(held.next_update + HOUR_MS) == held.next_update
    list_file(pki).unlink()
    without = TrustStore.open(folder_of(pki)).current
    since = without.bundle.active_issuer.since_ms + FIRST_LIST_WITHIN_MS
    assert without.stale_since(since - 1) is None
    assert without.stale_since(since + 5) == since


@pytest.mark.parametrize(
    ("state", "counts"),
    [(AuthorityState.RETIRING, True), (AuthorityState.REMOVED, False)],
)
def test_lists_of_authorities_in_office_count(
    pki: FederationPki, store: TrustStore, state: AuthorityState, *, counts: bool
) -> None:
    (held,) = store.current.lists.values()
    content = with_second_issuing(pki, state)
    store.offer([sign_bundle(content, pki.bundle_key)])
    second = store.current.bundle.active_issuer.since_ms + FIRST_LIST_WITHIN_MS
    late = max(held.next_update, second) + HOUR_MS
    assert store.current.stale_since(late) == (min(held.next_update, second) if counts else second)


def test_files_are_followed(pki: FederationPki, store: TrustStore) -> None:
    told: list[Trust] = []
    store.subscribe(told.append)
    pki.publish(suspended=[BOARD])
    assert store.follow_files() is True
    pki.publish_list([(0x1F, to_datetime(pki.clock()), to_datetime(pki.clock()) + LEAF_LIFE)])
    assert store.follow_files() is True
    assert store.follow_files() is False
    assert [trust.bundle.number for trust in told] == [2, 2]
    assert store.current.is_revoked(subject_key_id(pki.issuing.certificate), 0x1F)


def test_it_is_behind_its_files_until_it_has_looked_at_each_change(
    pki: FederationPki, store: TrustStore
) -> None:
    assert not store.is_behind_files()
    lists = list_file(pki)
    good = lists.read_bytes()
    for change in (
        lambda: pki.publish(suspended=[BOARD]),
        lambda: pki.publish_list([]),
        lambda: lists.write_bytes(b"garbage"),
        lists.unlink,
        lambda: lists.write_bytes(good),
    ):
        change()
        assert store.is_behind_files()
        with suppress(LandbridgeError):
            store.follow_files()
        assert not store.is_behind_files()
    store.offer([pki.sign_next()])
    assert not store.is_behind_files()


def test_bad_file_is_told_once_and_left(pki: FederationPki, store: TrustStore) -> None:
    before = store.current
    for path, reason in (
        (bundle_file(pki), Reason.BAD_TRUST_BUNDLE),
        (list_file(pki), Reason.BAD_REVOCATION_LIST),
    ):
        good = path.read_bytes()
        for bad in (b"garbage", good[: len(good) // 2], b""):
            write_whole(path, bad, mode=0o644)
            assert refusal(store.follow_files).reason is reason
            assert store.follow_files() is False
            assert path.read_bytes() == bad
        write_whole(path, good, mode=0o644)
        assert store.follow_files() is False
    assert store.current is before


def test_list_in_anothers_file_is_refused(pki: FederationPki, store: TrustStore) -> None:
    content = with_second_issuing(pki, AuthorityState.RETIRING)
    store.offer([sign_bundle(content, pki.bundle_key)])
    (other,) = set(store.current.bundle.issuers) - {subject_key_id(pki.issuing.certificate)}
    path = folder_of(pki) / "revocation" / f"{other}.crl"
    write_whole(path, sign_list(pki, 9), mode=0o644)
    assert "another authority" in refusal(store.follow_files).message


def test_bad_file_does_not_stop_what_is_offered(pki: FederationPki, store: TrustStore) -> None:
    document = pki.sign_next(suspended=[BOARD])
    bundle_file(pki).write_bytes(b"garbage")
    assert refusal(lambda: store.offer([document])).reason is Reason.BAD_TRUST_BUNDLE
    assert store.current.bundle.members[BOARD].suspended
    assert bundle_file(pki).read_bytes() == document
    assert store.follow_files() is False


def test_missing_bundle_is_told_once(pki: FederationPki, store: TrustStore) -> None:
    bundle_file(pki).unlink()
    assert refusal(store.follow_files).reason is Reason.INVALID_CONFIGURATION
    assert store.follow_files() is False
    error = refusal(lambda: TrustStore.open(folder_of(pki)))
    assert error.reason is Reason.INVALID_CONFIGURATION


def test_newer_bundle_of_another_process_is_not_written_over(
    pki: FederationPki, store: TrustStore
) -> None:
    second, third = pki.sign_next(), pki.sign_next(suspended=[BOARD])
    TrustStore.open(folder_of(pki)).offer([second, third])
    # What the other process took is taken first; then the second one is no news.
    assert store.offer([second]) is True
    assert bundle_file(pki).read_bytes() == third
    assert store.current.bundle.number == 3


def test_folder_that_cannot_be_written_keeps_what_is_in_use(
    pki: FederationPki, store: TrustStore
) -> None:
    folder = list_file(pki).parent
    shutil.rmtree(folder)
    folder.write_text("a file where the folder should be")
    before = store.current
    error = refusal(lambda: store.offer([], [sign_list(pki, 2)]))
    assert error.reason is Reason.INVALID_CONFIGURATION
    assert store.current is before


def test_threads_may_offer_at_the_same_time(pki: FederationPki, store: TrustStore) -> None:
    documents = [pki.sign_next() for _ in range(8)]
    lists = [sign_list(pki, number) for number in range(2, 10)]
    ends: list[int] = []
    store.subscribe(lambda trust: ends.append(trust.bundle.number))

    def offer() -> None:
        for document in documents:
            store.offer([document])

    threads = [Thread(target=offer) for _ in range(4)]
    threads.append(Thread(target=lambda: store.offer([], lists)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.current.bundle.number == 9
    assert [held.number for held in store.current.lists.values()] == [9]
    assert ends == sorted(ends)
    assert TrustStore.open(folder_of(pki)).current.bundle.number == 9


def test_who_follows_the_files_late_takes_every_bundle_that_came_between(
    pki: FederationPki, store: TrustStore
) -> None:
    late = TrustStore.open(folder_of(pki))
    now = to_datetime(pki.clock())
    root = pki.root.create_next(pki.clock)
    issuing = root.create_issuing(pki.clock, generation=2)
    active, retiring = AuthorityState.ACTIVE, AuthorityState.RETIRING
    pki.authorities[pki.root.id] = moved(pki.authorities[pki.root.id], retiring)
    pki.authorities[root.id] = authority_record(root.certificate, active, now, cross=root.cross)
    approval = pki.approve(Act.AUTHORITY_ACTIVATE, root.id)
    first = pki.sign_next(approvals=[approval])
    pki.authorities[pki.issuing.id] = moved(pki.authorities[pki.issuing.id], retiring)
    pki.authorities[issuing.id] = authority_record(issuing.certificate, active, now, issuer=root.id)
    # The second bundle does not carry what the administrators approved in the first.
    assert store.offer([first, pki.sign_next()])
    assert late.follow_files() is True
    assert late.current.bundle.document == store.current.bundle.document


def test_a_spoilt_history_does_no_harm(pki: FederationPki, store: TrustStore) -> None:
    late = TrustStore.open(folder_of(pki))
    assert store.offer([pki.sign_next(), pki.sign_next()])
    for path in (folder_of(pki) / "trust-history").iterdir():
        path.write_bytes(b"garbage")
    assert late.follow_files() is True
    assert late.current.bundle.number == 3
