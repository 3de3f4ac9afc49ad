"""Where the packages of the peers on Node.js lie, and how their servers are started."""

import os
import shutil
from pathlib import Path
from typing import Final

from bench.peers.ground import COLUMNS, SELECT

HERE: Final = Path(__file__).parent
PACKAGES: Final = HERE.parents[1] / "build" / "peers"
"""The folder that `make peers` fills."""
NATIVE: Final = PACKAGES / "node_modules/better-sqlite3/build/Release/better_sqlite3.node"


def lacks() -> str:
    """Say what is missing; nothing where all is here."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (PACKAGES / "node_modules" / "fastify").exists() or not NATIVE.exists():
        return "npm packages not installed: run `make peers`"
    return ""


def command(script: str) -> list[str]:
    """Begin the command of a server, the script beside this file."""
    return [
        *("env", f"LANDBRIDGE_PEERS={PACKAGES}", f"LANDBRIDGE_COLUMNS={','.join(COLUMNS)}"),
        *(f"LANDBRIDGE_SELECT={SELECT}", "NODE_ENV=production"),
        *(shutil.which("node") or "node", str(HERE / script)),
    ]


def install_environment() -> dict[str, str]:
    """Return the environment to install in: headers of Node.js from its own folder, if there."""
    node = shutil.which("node")
    prefix = Path(node).resolve().parents[1] if node else Path("/usr")
    headers = {"npm_config_nodedir": str(prefix)} if (prefix / "include/node").exists() else {}
    return os.environ | headers
