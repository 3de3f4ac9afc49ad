"""What a server shows and whom it trusts: new connections take what was published last."""

import grpc

from landbridge.rpc.credentials import Credential


class ServerCertificates:
    """What one server shows and whom it trusts.

    Open connections go on as they are. A new configuration ends all tickets by which a TLS session
    may be resumed, so one is published at least hourly. `publish` may be called on any thread.
    """

    def __init__(self, credential: Credential, roots: bytes) -> None:
        self._current = _configuration(credential, roots)
        self._handed_out = self._current

    def publish(self, credential: Credential, roots: bytes) -> None:
        """Use another credential and other anchors, a PEM, for connections made from now on."""
        self._current = _configuration(credential, roots)

    def credentials(self, *, ask_client: bool = True) -> grpc.ServerCredentials:
        """Return credentials that demand a certificate of every client or of none; call it once."""
        self._handed_out = self._current
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._fetch,  # type: ignore[arg-type] # None, for no change, is missing in the stub
            require_client_authentication=ask_client,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        # gRPC calls this before each handshake, one at a time, on a thread of its own. The same
        # configuration is not handed out twice: building it anew is what costs time.
        current = self._current
        if current is self._handed_out:
            return None
        self._handed_out = current
        return current


def _configuration(credential: Credential, roots: bytes) -> grpc.ServerCertificateConfiguration:
    pairs = [(credential.key, credential.chain)]
    return grpc.ssl_server_certificate_configuration(pairs, roots)
