"""How gRPC is set on every connection of ours: sizes, keep-alive, ages."""

from typing import Final

LONGEST_CALL_S: Final = 60.0
"""No query is worked on for longer."""
STREAM_LIFE_S: Final = 30.0
"""A stream that stays open gives way to a new one after that long."""
DRAIN_S: Final = LONGEST_CALL_S + 10.0
"""What a stream or channel that has given way still owes comes within that time."""
GRACE_OF_AGE_S: Final = STREAM_LIFE_S + DRAIN_S + 20.0
"""A server cuts nothing on a connection that has come of age before that time has passed: a stream
may be opened in its last moment, lives, and drains."""
MAX_AGE_S: Final = 3600.0
"""A server asks the peer to connect anew after that long, and so to show its certificate anew."""

ADMITTED: Final = (("landbridge-admitted", "yes"),)
"""Initial metadata by which a server's guard says that it has let a stream through."""

_LARGEST_MESSAGE = 16 * 1024 * 1024
KEEPALIVE_MS = 10_000
_PING_TIMEOUT_MS = 5_000
SHARED_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
    # Without this one a link that swallows packets is never noticed.
    ("grpc.http2.ping_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
CHANNEL_OPTIONS = (
    *SHARED_OPTIONS,
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Despite its name, the time that one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.enable_http_proxy", 0),
)
