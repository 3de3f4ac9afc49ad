"""`python -m bench.peers.install`: gets what the peers on Node.js need; the rest comes by pip."""

import shutil
import subprocess
import sys

from bench.peers import node_js
from bench.peers.postgres import lacks as postgres_lacks


def main() -> None:
    """Install the npm packages into build/peers; name what is still missing."""
    if shutil.which("npm"):
        node_js.PACKAGES.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(node_js.HERE / name, node_js.PACKAGES / name)
        # Only one package has a part in C, and only its script runs.
        for step in (("ci", "--ignore-scripts", "--no-audit", "--no-fund"), ("rebuild",)):
            subprocess.run(
                ["npm", *step, *(("better-sqlite3",) if step[0] == "rebuild" else ())],
                cwd=node_js.PACKAGES,
                env=node_js.install_environment(),
                check=False,
            )
    for what in (node_js.lacks(), postgres_lacks()):
        if what:
            print(f"some peers will be left out: {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
