"""A caller made of `openssl s_client` and a few bytes of HTTP/2: it asks for a server's health."""

import asyncio
import struct
from dataclasses import dataclass

from tests.judges.judged_server import CHECK, NODE, Judged, Parts

_HEADERS = (
    (":method", "POST"),
    (":scheme", "https"),
    (":path", CHECK),
    (":authority", NODE.dns_name),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
)
_SETTINGS, _HEADERS_FRAME, _DATA = 4, 1, 0
_END_HEADERS, _END_STREAM = 4, 1
_EMPTY_MESSAGE = bytes(5)
_LONGEST_S = 20


@dataclass(frozen=True)
class Said:
    """What came back: how the handshake went, and what the server answered."""

    output: bytes

    @property
    def resumed(self) -> bool:
        return b"\nReused, TLSv1.3" in self.output

    @property
    def connected_anew(self) -> bool:
        return b"\nNew, TLSv1.3" in self.output

    @property
    def served(self) -> bool:
        return b"grpc-status\x010" in self.output

    @property
    def refused_as_revoked(self) -> bool:
        return b"grpc-status\x017" in self.output and b"is revoked\x00" in self.output


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _call() -> bytes:
    headers = b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in _HEADERS)
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS_FRAME, _END_HEADERS, 1, headers)
        + _frame(_DATA, _END_STREAM, 1, _EMPTY_MESSAGE)
    )


async def call(judged: Judged, parts: Parts, *options: str) -> Said:
    """Call once; `-sess_out FILE` keeps the session's ticket, `-sess_in FILE` shows it again."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", judged.address, "-servername", NODE.dns_name),
        *("-alpn", "h2", "-nocommands", "-CAfile", parts.roots),
        *("-cert", parts.leaf, "-key", parts.key, "-cert_chain", parts.chain, *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(_call())
    output = b""
    async with asyncio.timeout(_LONGEST_S):
        # The trailers are the last that is of interest; a refused handshake ends the output.
        while b"grpc-message" not in output and (part := await process.stdout.read(65536)):
            output += part
        process.stdin.close()
        output += await process.stdout.read()
        await process.wait()
    return Said(output)
