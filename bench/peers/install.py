"""`python -m bench.peers.install`: gets what the peers on Node.js need; the rest comes by pip."""

import shutil
import subprocess
import sys
from typing import Final

from bench.peers import node_js
from bench.peers.postgres import lacks as postgres_lacks

_FILES: Final = ("package.json", "package-lock.json")
_QUIET: Final = ("--no-audit", "--no-fund", "--loglevel=error")


def main() -> None:
    """Install the npm packages into build/peers; name what is still missing."""
    if shutil.which("npm") and not _is_done():
        node_js.PACKAGES.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            shutil.copy(node_js.HERE / name, node_js.PACKAGES / name)
        # Only one package has a part in C, and only its script runs.
        for step in (("ci", "--ignore-scripts"), ("rebuild", "better-sqlite3")):
            subprocess.run(
                ["npm", *step, *_QUIET],
                cwd=node_js.PACKAGES,
                env=node_js.install_environment(),
                check=False,
            )
    for what in (node_js.lacks(), postgres_lacks()):
        if what:
            print(f"some peers will be left out: {what}", file=sys.stderr)


def _is_done() -> bool:
    if node_js.lacks():
        return False
    return all(
        (node_js.PACKAGES / name).read_bytes() == (node_js.HERE / name).read_bytes()
        for name in _FILES
    )


if __name__ == "__main__":
    main()
