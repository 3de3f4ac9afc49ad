"""What the federation's certificates hold, and that the strictest readers accept them."""

from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from cryptography.x509.verification import PolicyBuilder, Store

from certs.profiles import BACK_DATED, LEAF_LIFE
from landbridge.agency import Role
from landbridge.rpc.certificate import LONGEST_LIFE
from tests.pki import FEDERATION, REGISTRY, shared_federation


def tls() -> Path:
    return shared_federation().state(REGISTRY, Role.NODE) / "tls"


def chain() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((tls() / "chain.pem").read_bytes())


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
        x509.load_pem_x509_certificate((party.folder / "tls/chain.pem").read_bytes())
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
