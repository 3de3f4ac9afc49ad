"""A sandbox whose processes live by clocks that a test sets while they run, with libfaketime."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Final

import pytest

from landbridge.commands.sandbox import Sandbox
from tests.judges.judge import faketime_library
from tests.preloaded import LOADED, run_preloaded

HOUR_S: Final = 3600
_LIBRARY: Final = {
    # What it read before the fork would stand for a second, and that was another clock.
    "FAKETIME_NO_CACHE": "1",
    # Deadlines and the files' times stay true: only the date is another one.
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    # Else every wait of one thread for another ends at once, and is begun anew without end.
    "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    "NO_FAKE_STAT": "1",
}


@contextmanager
def forked_under_libfaketime() -> Iterator[None]:
    """Fork every process from one that has libfaketime: it comes in only where a program starts.

    Which file it reads, it looks up anew each time: each process has its own.
    """
    server = forkserver.ForkServer()
    server.set_forkserver_preload(["gateway.server", "node.server", *LOADED])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _LIBRARY.items():
            patch.setenv(name, value)
        patch.setenv("LD_PRELOAD", str(faketime_library()))
        server.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forkserver, "connect_to_new_process", server.connect_to_new_process)
        yield
    server._stop()  # type: ignore[attr-defined]


class ShiftedSandbox(Sandbox):
    """All processes share one clock, but for those that a test gives one of their own.

    To be used `forked_under_libfaketime`.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__(folder, home, preloaded=True)
        self._clocks = home.parent / "clocks"
        self._clocks.mkdir()
        self._own: set[str] = set()
        self.set_clock(0)

    def set_clock(self, seconds: int, name: str = "") -> None:
        """Put a clock so far ahead of the true time: that of one process, or the shared one."""
        if name:
            self._own.add(name)
        unfinished = self._clocks / "unfinished"
        unfinished.write_text(f"{seconds:+d}\n")
        unfinished.replace(self._clocks / (name or "shared"))

    def _environment(self, name: str) -> Mapping[str, str]:
        return {**super()._environment(name), **self._shifted(name)}

    def _shifted(self, name: str = "") -> dict[str, str]:
        clock = self._clocks / (name if name in self._own else "shared")
        return {**_LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(clock)}

    def run(
        self, *arguments: str | Path, exits: int | tuple[int, ...] = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of `landbridge` by the shared clock; it must leave as expected."""
        done = run_preloaded(
            *map(str, arguments),
            env={**os.environ, **self._shifted(), "LANDBRIDGE_HOME": str(self.home_folder)},
            timeout=100,
        )
        expected = exits if isinstance(exits, tuple) else (exits,)
        assert done.returncode in expected, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done
