"""Reads stretches of logs: a few in this process, many in as many processes as there are cores."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

from landbridge.audit.part import PART, Failure, Part, Stretch, read_stretch

FEWEST_FOR_PROCESSES: Final = 100_000
"""Entries from which on processes of their own, half a second to start, are worth it."""


class Readers:
    """Reads what it was told of in advance; the parts of a log come in their order."""

    def __init__(self) -> None:
        self._ahead: dict[tuple[str, int], Future[Part | Failure]] = {}

    @classmethod
    @contextmanager
    def open(cls, stretches: Sequence[Stretch]) -> "Iterator[Readers]":
        """Begin to read, and stop reading in the end."""
        count = sum(stretch.end - stretch.start for stretch in stretches)
        cores = os.cpu_count() or 1
        if count < FEWEST_FOR_PROCESSES or cores == 1:
            yield cls()
            return
        # Spawned, not forked: whoever audits may have threads.
        pool = ProcessPoolExecutor(cores, mp_context=get_context("spawn"))
        readers = cls()
        try:
            for stretch in stretches:
                for piece in _pieces(stretch):
                    readers._ahead[piece.origin, piece.start] = pool.submit(read_stretch, piece)
            yield readers
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def parts(self, stretch: Stretch) -> Iterator[tuple[Stretch, Part]]:
        """Give what a stretch holds, part by part.

        Raises:
            LandbridgeError: LB-5001 when it cannot be read; LB-5002 when it is damaged.
        """
        for piece in _pieces(stretch):
            found = self._read(piece)
            if isinstance(found, Failure):
                raise found.error()
            yield piece, found

    def _read(self, piece: Stretch) -> Part | Failure:
        ahead = self._ahead.pop((piece.origin, piece.start), None)
        if ahead is not None:
            try:
                return ahead.result()
            except BrokenProcessPool:
                # A reader was killed, for want of memory as a rule: read it here, one at a time.
                self._ahead.clear()
        return read_stretch(piece)


def _pieces(stretch: Stretch) -> Iterator[Stretch]:
    for start in range(stretch.start, stretch.end, PART):
        yield Stretch(
            stretch.path,
            stretch.number,
            stretch.origin,
            start,
            min(start + PART, stretch.end),
            stretch.numbers,
        )
