"""Runs one piece of work in several processes under one parent, which ends them together."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from threading import Thread
from typing import Final

from landbridge.errors import Reason, refuse

_WAITED_FOR: Final = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGCHLD))

Work = Callable[[int], int]
"""From the number of the process, counted from 0, to its exit code."""


def run_workers(work: Work, count: int) -> int:
    """Run the work in `count` processes until SIGTERM or SIGINT; return the worst exit code.

    One that ends by itself ends the others too: whoever supervises the parent starts all anew.
    None outlives the parent, however that ends.

    Raises:
        LandbridgeError: LB-2001 when one was ended from outside.
    """
    context = multiprocessing.get_context("fork")
    # Blocked from before the first fork on, no signal is lost between here and the wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    workers = [context.Process(target=_work, args=(work, number)) for number in range(count)]
    try:
        for worker in workers:
            worker.start()
        _wait(workers)
    finally:
        lost = [number for number, worker in enumerate(workers) if (worker.exitcode or 0) < 0]
        for worker in workers:
            if worker.pid is not None:
                worker.terminate()
                worker.join()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
    if lost:
        raise refuse(
            Reason.UNREACHABLE,
            f"process {lost[0] + 1} of {count} was ended from outside",
            next_step="start the command again",
        )
    return max(worker.exitcode or 0 for worker in workers)


def _wait(workers: list[ForkProcess]) -> None:
    """Wait until the parent is told to stop, or one of them has ended."""
    while all(worker.exitcode is None for worker in workers):
        if signal.sigwait(_WAITED_FOR) is not signal.SIGCHLD:
            return


def _work(work: Work, number: int) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
    Thread(target=_end_with_parent, daemon=True).start()
    code = work(number)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
