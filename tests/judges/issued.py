"""One of everything that the authorities sign, in files, for judges that are other programs."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Issuing, Root
from certs.authority_files import to_pem
from certs.profiles import TRIAL_LIFE, Revoked
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime

FEDERATION = "federation.example"
NODE = Identity("fsa.ed", FEDERATION, Role.NODE, "main")
OTHER = Identity("tax.gov", FEDERATION, Role.GATEWAY, "main")


@dataclass(frozen=True)
class Issued:
    """Two generations of authorities, and what they signed; each file is `<name>.pem`."""

    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")


def issue_everything(folder: Path) -> Issued:
    """Make root-1, root-2, their issuing authorities, one bound to an agency, leaves and lists."""
    first = Root.create(FEDERATION, system_clock)
    second = first.create_next(system_clock)
    assert second.cross is not None
    issuing = first.create_issuing(system_clock)
    following = second.create_issuing(system_clock, generation=2)
    bound = first.create_issuing(system_clock, generation=3, agency=NODE.agency)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = issuing.issue(NODE, public, system_clock)
    certificates = {
        "root-1": first.certificate,
        "root-2": second.certificate,
        "cross": second.cross,
        "issuing-1": issuing.certificate,
        "issuing-2": following.certificate,
        "issuing-3": bound.certificate,
        "leaf": leaf,
        "leaf-2": following.issue(NODE, public, system_clock),
        "leaf-bound": bound.issue(NODE, public, system_clock),
        "leaf-foreign": bound.issue(OTHER, public, system_clock),
        "trial": issuing.issue(NODE, public, system_clock, TRIAL_LIFE),
    }
    for name, certificate in certificates.items():
        (folder / f"{name}.pem").write_bytes(to_pem(certificate))
    (folder / "chain-2.pem").write_bytes(following.chain_pem)
    now = to_datetime(system_clock())
    (folder / "list.pem").write_bytes(_list(issuing, 1, []))
    revoked = (leaf.serial_number, now, leaf.not_valid_after_utc)
    (folder / "list-revoking.pem").write_bytes(_list(issuing, 2, [revoked]))
    return Issued(folder)


def _list(issuing: Issuing, number: int, revoked: list[Revoked]) -> bytes:
    der = issuing.sign_crl(number, revoked, system_clock)
    return x509.load_der_x509_crl(der).public_bytes(serialization.Encoding.PEM)
