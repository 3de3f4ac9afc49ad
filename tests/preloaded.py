"""Runs commands of `landbridge` as real processes that need not load anything first."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

LOADED = ["landbridge.client", "landbridge.verification", "node.check", "landbridge.commands.up"]


def run_preloaded(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with its own folder and environment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gateway.server", "node.server", *LOADED])
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = context.Process(
            target=_run,
            args=(arguments, str(cwd or Path.cwd()), dict(env or os.environ), str(out), str(err)),
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        return subprocess.CompletedProcess(
            arguments, process.exitcode, out.read_text(), err.read_text()
        )


def _run(arguments: tuple[str, ...], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    from landbridge.commands.main import run  # noqa: PLC0415  where it is loaded already

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
    sys.exit(run(arguments))
