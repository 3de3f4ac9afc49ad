"""Starts commands of `landbridge` in processes of their own that need not load anything first.

One process loads everything once and is forked for each command, before it has opened anything:
ten processes start in the time of two. Each has its own session, environment and log, and ends on
signals as a process that was started by itself does. None outlives whoever started it.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from threading import Thread
from typing import Final

_LOADED: Final = ["gateway.server", "node.server", "certs.registrar.server", "certs.renewal.keeper"]


class PreloadedProcess:
    """A running command, with the same handles as `subprocess.Popen`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.args = process.name

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid or 0

    def poll(self) -> int | None:
        """Return how it ended, a signal as a negative number; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, for at most so many seconds.

        Raises:
            subprocess.TimeoutExpired: when it still runs then.
        """
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and nobody has told so yet
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def start_preloaded(
    arguments: Sequence[str], *, log: Path, environment: Mapping[str, str]
) -> PreloadedProcess:
    """Start a command; what it says is added to the log."""
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    process = context.Process(
        target=_run,
        args=(list(arguments), str(log), dict(environment)),
        name="landbridge " + " ".join(arguments),
    )
    process.start()
    return PreloadedProcess(process)


def _end_with_parent() -> None:
    """End in order once whoever started this process is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _run(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    from landbridge.commands.main import run  # noqa: PLC0415  main loads this module

    os.setsid()
    Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115  for the life of the process
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.close(written)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # The parent ends it by name; its own end is nobody else's.
    sys.exit(run(arguments))
