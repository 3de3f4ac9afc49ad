"""Authorities on the way into the trust bundle, and in which bundle each was published."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import key_pem, load_key
from landbridge.keys import write_whole
from landbridge.trust.authority import AuthorityState, Level


@dataclass(frozen=True, slots=True)
class PreparedAuthority:
    """An authority that was prepared; `certificate` is PEM, empty while only its key is made.

    The cross-certificate of a root follows its certificate. `above` is the id of the root of an
    issuing authority. `published_in` is the first bundle that listed it, 0 for none yet. `state`
    is that of before the bundle: prepared or aborted.
    """

    id: str
    state: AuthorityState
    certificate: str
    above: str = ""
    published_in: int = 0

    @property
    def level(self) -> Level:
        """The authority's level, which its id begins with."""
        return Level(self.id.partition("-")[0])

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The certificate, and the cross-certificate if there is one."""
        return x509.load_pem_x509_certificates(self.certificate.encode())


def save_prepared(connection: sqlite3.Connection, authority: PreparedAuthority) -> None:
    """Put an authority down as it is now."""
    connection.execute(
        "INSERT OR REPLACE INTO authority VALUES (?, ?, ?, ?, ?)",
        (
            authority.id,
            str(authority.state),
            authority.certificate,
            authority.above,
            authority.published_in,
        ),
    )


def all_prepared(connection: sqlite3.Connection) -> list[PreparedAuthority]:
    """Return every authority that was ever prepared, the published ones too."""
    rows = connection.execute("SELECT id, state, certificate, above, published_in FROM authority")
    return [
        PreparedAuthority(name, AuthorityState(state), certificate, above, published_in)
        for name, state, certificate, above, published_in in rows
    ]


def note_retirement(connection: sqlite3.Connection, name: str, number: int) -> None:
    """Put down which bundle retired an authority: who has not seen it may still renew under it."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_retired(name), str(number)))


def retirement(connection: sqlite3.Connection, name: str) -> int:
    """Return the number of the bundle that retired an authority, 0 for none."""
    query = "SELECT value FROM meta WHERE name = ?"
    row = connection.execute(query, (_retired(name),)).fetchone()
    return int(row[0]) if row else 0


def _retired(name: str) -> str:
    return f"retired_in.{name}"


def key_path(folder: Path, name: str) -> Path:
    """Return where the key of an issuing authority lies in the authority's folder."""
    return folder / "issuing" / f"{name}.key"


def make_key(folder: Path, name: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of an issuing authority, made at the first call.

    Raises:
        LandbridgeError: LB-4011 when others may read the file; LB-1101 when it cannot be read.
    """
    path = key_path(folder, name)
    if path.exists():
        return load_key(path)
    key = ec.generate_private_key(ec.SECP256R1())
    write_whole(path, key_pem(key))
    return key


def erase_key(folder: Path, name: str) -> None:
    """Remove the key of an authority that signs nothing any more."""
    key_path(folder, name).unlink(missing_ok=True)
