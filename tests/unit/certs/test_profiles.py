"""What the federation's certificates hold, and that the strictest readers accept them."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from cryptography.x509.verification import PolicyBuilder, Store

from certs.authority import Root
from certs.profiles import BACK_DATED, LEAF_LIFE, POLICY, TRIAL_LIFE
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime
from landbridge.rpc.certificate import LONGEST_LIFE
from tests.pki import FEDERATION, REGISTRY, shared_federation


def chain() -> list[x509.Certificate]:
    credential = shared_federation().state(REGISTRY, Role.NODE) / "credential.pem"
    return x509.load_pem_x509_certificates(credential.read_bytes())


def critical(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    return {e.oid for e in certificate.extensions if e.critical}


def test_root_is_p384_and_signs_authorities_only() -> None:
    root = shared_federation().root.certificate
    public = root.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp384r1"
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length) == (True, None)
    assert critical(root) == {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE}
    life = root.not_valid_after_utc - root.not_valid_before_utc
    assert timedelta(days=3650) < life < timedelta(days=3660)


def test_issuing_authority_can_make_no_authority_below_itself() -> None:
    issuing = chain()[1]
    constraints = issuing.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    usage = issuing.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    issuing.verify_directly_issued_by(shared_federation().root.certificate)


def test_leaf_carries_one_uri_and_its_own_dns_name_and_no_subject() -> None:
    leaf = chain()[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert list(names.value) == [
        x509.UniformResourceIdentifier(f"spiffe://{REGISTRY}.{FEDERATION}/node/main"),
        x509.DNSName(f"main.node.{REGISTRY}.{FEDERATION}"),
    ]
    assert leaf.subject == x509.Name([])
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert ExtensionOID.EXTENDED_KEY_USAGE not in critical(leaf)
    assert leaf.serial_number.bit_length() > 64


def test_leaf_lives_a_day_and_the_guard_allows_no_more() -> None:
    leaf = chain()[0]
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert life == LEAF_LIFE + BACK_DATED == LONGEST_LIFE


def test_every_certificate_of_a_federation_has_its_own_serial_and_key() -> None:
    pki = shared_federation()
    leaves = [
        x509.load_pem_x509_certificate((party.folder / "credential.pem").read_bytes())
        for party in pki.parties.values()
    ]
    assert len({leaf.serial_number for leaf in leaves}) == len(pki.parties)
    keys = {
        leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        for leaf in leaves
    }
    assert len(keys) == len(pki.parties)


def test_a_second_verifier_builds_the_chain() -> None:
    leaf, issuing = chain()
    store = Store([shared_federation().root.certificate])
    verified = PolicyBuilder().store(store).build_client_verifier().verify(leaf, [issuing])
    assert len(verified.chain) == 3


def test_certificates_under_a_root_name_policy_and_list_of_who_signed() -> None:
    for certificate, signer in zip(chain(), ("issuing-1", "root-1"), strict=True):
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        assert [policy.policy_identifier for policy in policies] == [POLICY]
        (point,) = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        url = f"http://crl.{FEDERATION}/{signer}.crl"
        assert point.full_name == [x509.UniformResourceIdentifier(url)]


def test_trial_leaf_differs_only_in_its_life() -> None:
    issuing = shared_federation().issuing
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    identity = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
    trial = issuing.issue(identity, public, system_clock, TRIAL_LIFE)
    day = issuing.issue(identity, public, system_clock)
    assert trial.not_valid_after_utc - trial.not_valid_before_utc == TRIAL_LIFE + BACK_DATED
    assert list(trial.extensions) == list(day.extensions)


def test_cross_certificate_vouches_for_the_new_root_with_the_old_ones_key() -> None:
    old = Root.create(FEDERATION, system_clock)
    new = old.create_next(system_clock)
    assert new.cross is not None
    assert new.cross.subject == new.certificate.subject != old.certificate.subject
    assert new.cross.public_key() == new.certificate.public_key()
    new.cross.verify_directly_issued_by(old.certificate)
    constraints = new.cross.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.path_length == 1
    assert new.cross.not_valid_after_utc <= old.certificate.not_valid_after_utc


def test_an_agencys_own_authority_is_bound_to_that_agencys_names() -> None:
    issuing = Root.create(FEDERATION, system_clock).create_issuing(system_clock, agency=REGISTRY)
    constraints = issuing.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    host = f"{REGISTRY}.{FEDERATION}"
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [
        x509.UniformResourceIdentifier(host),
        x509.DNSName(host),
    ]


def test_revocation_list_carries_number_issuer_and_the_scope_that_leaves_point_to() -> None:
    issuing = shared_federation().issuing
    now = to_datetime(system_clock())
    ended = now - timedelta(hours=2)
    signed = issuing.sign_crl(7, [(11, now, now + LEAF_LIFE), (12, ended, ended)], system_clock)
    found = x509.load_der_x509_crl(signed)
    get = found.extensions.get_extension_for_class
    assert get(x509.CRLNumber).value.crl_number == 7
    assert get(x509.IssuingDistributionPoint).critical
    leaf_point = chain()[0].extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    assert get(x509.IssuingDistributionPoint).value.full_name == leaf_point.full_name
    assert [entry.serial_number for entry in found] == [11]
    assert found.next_update_utc is not None
    assert found.next_update_utc - found.last_update_utc == timedelta(hours=6) + BACK_DATED
    public = issuing.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert found.is_signature_valid(public)
