"""Searches the whole memory of a running process, and every file of a folder, for given texts."""

import os
import re
import signal
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final

_CHUNK: Final = 8 * 1024 * 1024
_LEAST: Final = 20_000_000
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_ENTRY: Final = 8
_USED: Final = 1 << 63 | 1 << 62
"""Flags of a page in `pagemap`: in memory, in swap."""
_REGION: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")
_OF_THE_KERNEL: Final = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


def find_in_memory(pid: int, texts: Iterable[str]) -> set[str]:
    """Return which of the texts stand anywhere in a child's memory; it is stopped meanwhile."""
    wanted = {text: text.encode() for text in texts}
    found: set[str] = set()
    read = 0
    with _stopped(pid):
        for part in _memory(pid, max(map(len, wanted.values()))):
            read += len(part)
            found |= {text for text, written in wanted.items() if written in part}
    assert read > _LEAST, "this is not the memory of a whole process"
    return found


def find_in_files(folder: Path, texts: Iterable[str]) -> set[str]:
    """Return which of the texts stand anywhere in the files under a folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {text for text in texts if any(text.encode() in data for data in files)}


def _memory(pid: int, longest: int) -> Iterator[bytes]:
    """Read all memory that a process has touched, in parts that overlap by the longest text."""
    own = Path(f"/proc/{pid}")
    with (own / "mem").open("rb", buffering=0) as memory, (own / "pagemap").open("rb") as pages:
        for region in (own / "maps").read_text().splitlines():
            match = _REGION.fullmatch(region)
            assert match is not None, region
            if not match[3].startswith("r") or match[4] in _OF_THE_KERNEL:
                continue
            for place, end in _touched(pages, int(match[1], 16), int(match[2], 16)):
                for start in range(place, end, _CHUNK):
                    size = min(_CHUNK + longest, end - start)
                    yield os.pread(memory.fileno(), size, start)


def _touched(pages: BinaryIO, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Find the runs of pages that lie in memory or in swap: all others hold nothing."""
    pages.seek(first // _PAGE * _ENTRY)
    flags = array("Q", pages.read((end - first) // _PAGE * _ENTRY))
    place = first
    for used, run in groupby(flags, lambda flag: flag & _USED != 0):
        start, place = place, place + len(list(run)) * _PAGE
        if used:
            yield start, place


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Stop a process, so that nothing moves while it is read."""
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 10
        while _state(pid) not in "Tt":
            assert time.monotonic() < deadline, "the process does not stop"
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
