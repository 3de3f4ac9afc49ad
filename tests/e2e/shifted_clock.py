"""A sandbox whose processes live by clocks that a test sets while they run, with libfaketime."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from landbridge.commands.sandbox import Sandbox
from tests.judges.judge import faketime_library

HOUR_S: Final = 3600


class ShiftedSandbox(Sandbox):
    """All processes share one clock, but for those that a test gives one of their own."""

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__(folder, home)
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
        return {
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": str(
                self._clocks / (name if name in self._own else "shared")
            ),
            "FAKETIME_CACHE_DURATION": "1",
            # Deadlines and the files' times stay true: only the date is another one.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def run(
        self, *arguments: str | Path, exits: int | tuple[int, ...] = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of `landbridge` by the shared clock; it must leave as expected."""
        done = subprocess.run(
            [sys.executable, "-m", "landbridge.commands.main", *map(str, arguments)],
            env={**os.environ, **self._shifted(), "LANDBRIDGE_HOME": str(self.home_folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        expected = exits if isinstance(exits, tuple) else (exits,)
        assert done.returncode in expected, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done
