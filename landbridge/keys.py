"""Signing keys: who made them, what each is for, and how they lie on disk.

A key id reads `<agency>/<use>/<8 hex digits of the public key's SHA-256>`. Signing keys are Ed25519
(RFC 8032) and are never TLS keys.
"""

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from landbridge.agency import check_agency
from landbridge.errors import LandbridgeError, Reason, refuse

_FILE_HEADING = b"Landbridge-Key: "
_OTHERS_MAY_READ = 0o077


class KeyUse(StrEnum):
    """What a signing key may sign; a key has one use."""

    QUERY = "query"
    LOG = "log"
    MEMORANDUM = "memorandum"
    BUNDLE = "bundle"
    ADMIN = "admin"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key of one agency for one use."""

    agency: str
    use: KeyUse
    key_id: str
    public: Ed25519PublicKey = field(repr=False)
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, agency: str, use: KeyUse) -> Self:
        """Make a new key.

        Raises:
            LandbridgeError: LB-1101 when the agency id is not well formed.
        """
        return cls._of(check_agency(agency), use, Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key that `save` wrote.

        Raises:
            LandbridgeError: LB-4011 when others may read the file; LB-1101 when it is missing or
                does not hold the key that its first line names.
        """
        heading, _, pem = read_private(path).partition(b"\n")
        stated = heading.removeprefix(_FILE_HEADING).decode("ascii", "replace").strip()
        agency, use = split_key_id(stated, where=str(path))
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        key = cls._of(agency, use, private) if isinstance(private, Ed25519PrivateKey) else None
        if key is None or key.key_id != stated:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the file does not hold the private key {stated}",
                where=str(path),
                next_step="restore the file as it was made, or make a new key and publish it",
            )
        return key

    @classmethod
    def _of(cls, agency: str, use: KeyUse, private: Ed25519PrivateKey) -> Self:
        public = private.public_key()
        return cls(agency, use, make_key_id(agency, use, public), public, private)

    def save(self, path: Path) -> None:
        """Write the key with mode 0600: a line with its id, then PKCS#8 in PEM (RFC 7468)."""
        pem = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_whole(path, _FILE_HEADING + self.key_id.encode() + b"\n" + pem)

    def sign(self, data: bytes) -> bytes:
        """Sign the data: 64 bytes, Ed25519."""
        return self.private.sign(data)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding (DSSE protocol, version 1)."""
    return b"%b%d %b" % (_pae_prefix(payload_type), len(payload), payload)


@lru_cache(maxsize=64)
def _pae_prefix(payload_type: str) -> bytes:
    encoded = payload_type.encode()
    return b"DSSEv1 %d %b " % (len(encoded), encoded)


def make_key_id(agency: str, use: KeyUse, public: Ed25519PublicKey) -> str:
    """Name a public key: `<agency>/<use>/<8 hex digits>`."""
    return f"{agency}/{use}/{hashlib.sha256(public.public_bytes_raw()).hexdigest()[:8]}"


def split_key_id(key_id: str, *, where: str = "") -> tuple[str, KeyUse]:
    """Return the agency and the use that a key id names.

    Raises:
        LandbridgeError: LB-1101 when it is not a key id.
    """
    agency, _, rest = key_id.partition("/")
    use, _, fingerprint = rest.partition("/")
    if use not in KeyUse._value2member_map_ or not fingerprint:
        raise refuse(
            Reason.INVALID_CONFIGURATION, f"{key_id[:100]!r} is not the id of a key", where=where
        )
    return check_agency(agency), KeyUse(use)


def public_text(public: Ed25519PublicKey) -> str:
    """Write a public key as 43 characters of base64url (RFC 8037)."""
    return base64.urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()


def read_public(text: str) -> Ed25519PublicKey:
    """Read what `public_text` wrote, in exactly that form.

    Raises:
        LandbridgeError: LB-1101 when it is not an Ed25519 public key.
    """
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
        public = Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, binascii.Error):
        public = None
    if public is None or public_text(public) != text:
        raise refuse(Reason.INVALID_CONFIGURATION, f"{text[:60]!r} is not an Ed25519 public key")
    return public


def signature_text(signature: bytes) -> str:
    """Write an Ed25519 signature as 86 characters of base64url."""
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def read_private(path: Path) -> bytes:
    """Read a file that only its owner may read.

    Raises:
        LandbridgeError: LB-4011 when others may read it; LB-1101 when it cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS_MAY_READ:
                raise refuse(
                    Reason.KEY_EXPOSED,
                    f"others may read this private key (its mode is {mode & 0o777:04o})",
                    where=str(path),
                )
            return file.read()
    except OSError as error:
        raise _unreadable(path, error) from error


def read_public_file(path: Path) -> bytes:
    """Read a file of a party's folder that anybody may read.

    Raises:
        LandbridgeError: LB-1101 when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, with this mode from its first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _unreadable(path: Path, error: OSError) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        f"the file cannot be read: {error.strerror}",
        where=str(path),
        next_step="give the folder that the federation made for this party",
    )
