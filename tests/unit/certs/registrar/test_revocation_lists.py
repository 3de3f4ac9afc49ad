"""Revocation: the deny list at once, and signed lists whose number never goes down."""

from datetime import timedelta

from cryptography import x509

from certs.lint import lint_crl
from certs.registrar.revocation import SIGNED_EVERY
from landbridge.errors import Reason
from landbridge.trust.approval import Act
from landbridge.trust.authority import subject_key_id
from landbridge.trust.revocation_list import RevocationList, read
from tests.authority import Desk
from tests.bundles import refusal

MINUTES_MS = 60_000
SIGNED_EVERY_MS = SIGNED_EVERY // timedelta(milliseconds=1)


def lists(desk: Desk) -> dict[str, RevocationList]:
    found = {}
    for issuer in desk.registrar.journal.bundle.issuers.values():
        for der in desk.registrar.journal.lists:
            key = x509.load_der_x509_crl(der).extensions.get_extension_for_class(
                x509.AuthorityKeyIdentifier
            )
            assert key.value.key_identifier is not None
            if key.value.key_identifier.hex() == issuer.key_id:
                assert lint_crl(der, issuer.certificate) == ()
                found[issuer.id] = read(der, issuer.certificate)
    return found


def revoke(desk: Desk) -> None:
    assert desk.act(Act.CERTIFICATE_REVOKE, f"{desk.node.issuer}/{desk.node.serial}").done


def test_a_revoked_certificate_is_denied_and_listed_at_once(desk: Desk) -> None:
    desk.registrar.maintain()
    before = lists(desk)["issuing-1"]
    told: list[int] = []
    desk.registrar.journal.subscribe(lambda: told.append(desk.number))
    revoke(desk)
    serial = desk.node.leaf.serial_number
    assert (desk.node.issuer, serial) in desk.registrar.journal.bundle.denied
    after = lists(desk)["issuing-1"]
    assert serial in after.serials
    assert after.number > before.number
    assert told == [desk.number]


def test_what_a_thief_has_renewed_meanwhile_is_revoked_with_it(desk: Desk) -> None:
    stolen = desk.node
    renewed = desk.renew(stolen)
    assert desk.act(Act.CERTIFICATE_REVOKE, f"{stolen.issuer}/{stolen.serial}").done
    serials = {stolen.leaf.serial_number, renewed.leaf.serial_number}
    assert serials <= {serial for _, serial in desk.registrar.journal.bundle.denied}
    assert serials <= lists(desk)["issuing-1"].serials
    assert refusal(lambda: desk.renew(renewed)).reason is Reason.CERTIFICATE_REVOKED


def test_a_restored_registry_goes_on_above_the_numbers_that_parties_hold(desk: Desk) -> None:
    desk.registrar.maintain()
    assert lists(desk)["issuing-1"].number >= desk.clock() // 1000


def test_it_is_revoked_once_and_only_while_it_lives(desk: Desk) -> None:
    revoke(desk)
    assert "revoked already" in refusal(lambda: revoke_again(desk)).message
    for subject in ("", "/", f"{desk.node.issuer}/1", f"{'0' * 40}/{desk.node.serial}", "x" * 400):
        reason = refusal(lambda s=subject: desk.act(Act.CERTIFICATE_REVOKE, s)).reason
        assert reason in {Reason.NOT_APPROVED, Reason.MALFORMED_REQUEST}
    desk.clock.now += 25 * 60 * MINUTES_MS
    fresh = f"{desk.node.issuer}/{desk.node.serial}"
    assert refusal(lambda: desk.act(Act.CERTIFICATE_REVOKE, fresh)).reason is Reason.NOT_APPROVED


def revoke_again(desk: Desk) -> None:
    subject = f"{desk.node.issuer}/{desk.node.serial}"
    desk.act(Act.CERTIFICATE_REVOKE, subject, "first", "second", override=True)


def test_lists_are_signed_anew_in_time_and_their_numbers_go_up(desk: Desk) -> None:
    numbers = []
    for _ in range(3):
        desk.registrar.maintain()
        desk.registrar.maintain()
        numbers.append(lists(desk)["issuing-1"].number)
        assert lists(desk)["issuing-1"].next_update > desk.clock() + 30 * MINUTES_MS
        desk.clock.now += SIGNED_EVERY_MS
    assert numbers == sorted(set(numbers))
    desk.close()
    desk.open()
    desk.registrar.maintain()
    assert lists(desk)["issuing-1"].number > numbers[-1]


def test_a_clock_set_back_does_not_hold_lists_up(desk: Desk) -> None:
    desk.registrar.maintain()
    number = lists(desk)["issuing-1"].number
    desk.clock.now -= 60_000
    desk.registrar.maintain()
    assert lists(desk)["issuing-1"].number == number + 1


def test_every_authority_has_a_list_from_its_publishing_to_its_removal(desk: Desk) -> None:
    desk.prepare_issuing("issuing-2")
    desk.act(Act.AUTHORITY_PUBLISH, "issuing-2")
    assert set(lists(desk)) == {"issuing-1", "issuing-2"}
    desk.all_prove("issuing-2")
    desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2")
    desk.clock.now += SIGNED_EVERY_MS
    desk.registrar.maintain()
    assert set(lists(desk)) == {"issuing-1", "issuing-2"}
    desk.all_renew()
    desk.act(Act.AUTHORITY_REMOVE, "issuing-1")
    assert set(lists(desk)) == {"issuing-2"}


def test_denials_are_dropped_when_the_certificates_have_long_ended(desk: Desk) -> None:
    revoke(desk)
    content = desk.registrar.journal.bundle.content
    assert [entry.serial for entry in content.denied] == [desk.node.serial]
    desk.clock.now += 27 * 60 * MINUTES_MS
    desk.act(Act.MEMBER_SUSPEND, "council.four", revision=1)
    assert desk.registrar.journal.bundle.content.denied == ()
    desk.registrar.maintain()
    assert lists(desk)["issuing-1"].serials == frozenset()


def test_expired_certificates_leave_the_registry_and_their_keys_stay_known(desk: Desk) -> None:
    desk.clock.now += 8 * 24 * 60 * MINUTES_MS
    desk.registrar.maintain()
    with desk.registrar.journal.look() as present:
        count = present.connection.execute("SELECT count(*) FROM leaf").fetchone()[0]
        keys = present.connection.execute("SELECT count(*) FROM seen_key").fetchone()[0]
    assert (count, keys) == (0, len(desk.pki.parties))
    assert list(desk.registrar.standing().parties) == []


def test_each_list_is_of_its_own_authority(desk: Desk) -> None:
    issuer = desk.registrar.journal.bundle.active_issuer
    assert lists(desk)["issuing-1"].issuer == subject_key_id(issuer.certificate)
