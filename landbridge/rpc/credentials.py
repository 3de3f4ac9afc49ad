"""TLS for servers and channels: both sides show a certificate, and both are checked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from landbridge.clock import Clock, system_clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_private, read_public_file
from landbridge.rpc.certificate import LeafCertificate, read_leaf

_LARGEST_MESSAGE = 16 * 1024 * 1024
_KEEPALIVE_MS = 10_000
_PING_TIMEOUT_MS = 5_000
_SHARED_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
    # Without this one a link that swallows packets is never noticed.
    ("grpc.http2.ping_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
_CHANNEL_OPTIONS = (
    *_SHARED_OPTIONS,
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Despite its name, the time that one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.enable_http_proxy", 0),
)
SERVER_OPTIONS = (
    *_SHARED_OPTIONS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", _KEEPALIVE_MS // 2),
    ("grpc.server_handshake_timeout_ms", 5_000),
    # A second process on the same port must fail, and not take half of the calls.
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """One reading of a party's tls folder, known to be sound."""

    chain: bytes
    key: bytes = field(repr=False)
    roots: bytes
    leaf: LeafCertificate

    @classmethod
    def read(cls, folder: Path, federation: str, *, clock: Clock = system_clock) -> Self:
        """Read chain.pem, key.pem and roots.pem.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-4005 and LB-4006 when the
                certificate is not one of the federation, or not valid now; LB-1101 when a file is
                missing, the key is another's, or the roots cannot be read.
        """
        chain = read_public_file(folder / "chain.pem")
        key = read_private(folder / "key.pem")
        roots = read_public_file(folder / "roots.pem")
        try:
            leaf = read_leaf(chain, federation)
        except LandbridgeError as error:
            raise refuse(error.reason, error.message, where=str(folder / "chain.pem")) from error
        now = clock()
        if not leaf.not_before <= now < leaf.not_after:
            raise refuse(
                Reason.CERTIFICATE_REFUSED,
                f"the certificate is valid from {to_iso(leaf.not_before)}"
                f" until {to_iso(leaf.not_after)}, and now it is {to_iso(now)}",
                where=str(folder / "chain.pem"),
            )
        _check_files(folder, chain, key, roots)
        return cls(chain, key, roots, leaf)


class ServerCertificates:
    """What one server shows and whom it trusts; new connections take what was published last."""

    def __init__(self, tls: TlsFiles) -> None:
        self._current = _configuration(tls)
        self._handed_out = self._current

    def publish(self, tls: TlsFiles) -> None:
        """Use other files for all connections made from now on; open ones stay as they are."""
        self._current = _configuration(tls)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that demand a certificate of every client."""
        self._handed_out = self._current
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._fetch,  # type: ignore[arg-type] # None, for no change, is missing in the stub
            require_client_authentication=True,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        # gRPC calls this before each handshake, one at a time, on a thread of its own. The same
        # configuration is not handed out twice: building it anew is what costs time.
        current = self._current
        if current is self._handed_out:
            return None
        self._handed_out = current
        return current


def open_channel(address: str, dns_name: str, tls: TlsFiles) -> grpc.aio.Channel:
    """Open a channel to `host:port` that only the holder of that DNS name's certificate serves."""
    credentials = grpc.ssl_channel_credentials(tls.roots, tls.key, tls.chain)
    options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", dns_name))
    # The scheme is stated, so that no address can name another kind of resolver.
    return grpc.aio.secure_channel(f"dns:///{address}", credentials, options=options)


def _configuration(tls: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(tls.key, tls.chain)], tls.roots)


def _check_files(folder: Path, chain: bytes, key: bytes, roots: bytes) -> None:
    """Find what gRPC would only answer with a failure to bind, or with failing handshakes."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unfit("key.pem or chain.pem cannot be read", folder) from error
    if private.public_key() != certificates[0].public_key():
        raise _unfit("key.pem is not the key of the certificate in chain.pem", folder)
    try:
        for root in x509.load_pem_x509_certificates(roots):
            if not root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                raise _unfit("roots.pem holds a certificate that is not an authority's", folder)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise _unfit("roots.pem cannot be read", folder) from error


def _unfit(message: str, folder: Path) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        message,
        where=str(folder),
        next_step="take the three files as the federation issued them together",
    )
