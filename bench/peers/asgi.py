"""How the Python peers over HTTP serve: uvicorn with uvloop and httptools, and mTLS."""

import argparse
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import uvicorn

from bench.peers.ground import COLUMNS, SELECT, client_context, server_context
from landbridge.commands.loop import run_on_fast_loop

KEPT_S: Final = 3600
"""Idle connections are kept for longer than a run lasts."""
_BACKLOG: Final = 512


@dataclass(frozen=True, slots=True)
class Target:
    """A provider, as a gateway reaches it."""

    url: str
    dns_name: str


class Records:
    """One provider's records, read by index on a connection that stays open."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._select = f"{SELECT} ?"

    def read(self, number: str) -> bytes | None:
        """Return a record as JSON, or nothing. The module keeps the statement prepared."""
        row = self._database.execute(self._select, (number,)).fetchone()
        return orjson.dumps(dict(zip(COLUMNS, row, strict=True))) if row else None


def serve(
    provider: Callable[[Records], Any], gateway: Callable[[list[Target], Any], Any], name: str
) -> None:
    """Serve a provider or a gateway, as the command line says; print the port."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("kind", choices=("provider", "gateway"))
    parser.add_argument("credential", type=Path)
    parser.add_argument("roots", type=Path)
    parser.add_argument("rest", nargs="+", metavar="DATABASE or ADDRESS=DNS_NAME")
    given = parser.parse_args()

    async def program() -> None:
        if given.kind == "provider":
            application = provider(Records(Path(given.rest[0])))
        else:
            pairs = [target.partition("=") for target in given.rest]
            targets = [Target(f"https://{address}", dns_name) for address, _, dns_name in pairs]
            application = gateway(targets, client_context(given.credential, given.roots))
        config = uvicorn.Config(
            application,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEPT_S,
        )
        config.load()
        config.ssl = server_context(given.credential, given.roots)
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        # The port is open from here on; whoever connects is served as soon as the loop runs.
        print(listener.getsockname()[1], flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])

    run_on_fast_loop(program)
