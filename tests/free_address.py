"""An address of this machine on which nobody listens yet."""

import socket


def free_address() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{opened.getsockname()[1]}"
