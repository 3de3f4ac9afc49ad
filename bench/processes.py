"""What the processes of a bench use: memory now, and processor time since the last look."""

from collections.abc import Mapping
from subprocess import Popen
from typing import Any, Final

import psutil

from landbridge.commands.preloaded import PreloadedProcess

_MIB: Final = 1024 * 1024


def resident_mib(processes: Mapping[str, Popen[Any] | PreloadedProcess]) -> dict[str, float]:
    """Return the resident memory of each process in MiB, shared pages included."""
    return {
        name: psutil.Process(process.pid).memory_info().rss / _MIB
        for name, process in processes.items()
    }


class ProcessorTime:
    """Processor seconds that groups of processes use, from one look to the next."""

    def __init__(self, groups: Mapping[str, list[int]]) -> None:
        self._groups = {
            name: [psutil.Process(pid) for pid in pids] for name, pids in groups.items()
        }
        self._before = self._now()

    def since_last(self) -> dict[str, float]:
        """Return the seconds used by each group since the last look."""
        before, self._before = self._before, self._now()
        return {name: now - before[name] for name, now in self._before.items()}

    def _now(self) -> dict[str, float]:
        return {
            name: sum(sum(process.cpu_times()[:2]) for process in group)
            for name, group in self._groups.items()
        }
