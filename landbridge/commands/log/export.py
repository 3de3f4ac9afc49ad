"""`landbridge log export LOG --to DIR`: a log as static files that any web server can show."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from landbridge.commands.log.cosigned_head import cosigned_head
from landbridge.commands.options import read_duration
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.counted import counted
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.publishing import Published, Publisher
from landbridge.log.reading import LogReader, open_reader


def export(  # noqa: PLR0913  one for each option
    log: Path,
    /,
    *,
    to: Path,
    entries: Annotated[bool, Parameter(negative="--without-entries")] = True,
    follow: bool = False,
    every: str = "1s",
    witnesses: int = 0,
    output: OutputOption = Output.TABLE,
) -> int:
    """Publish a log as static tiles (C2SP tlog-tiles), or what is new of it since the last time.

    Args:
        log: A log.sqlite, a party's folder, or a folder of published tiles.
        to: The folder to publish into; what it holds must be an earlier state of the same log.
        entries: Publish the entries too, and not their hashes alone.
        follow: Go on publishing until the command is stopped (SIGINT or SIGTERM).
        every: How often to look for what is new: 1s, 500ms, 1m.
        witnesses: Publish only heads that so many other members have cosigned.
        output: table, json or ndjson; one line for each publication.

    Raises:
        LandbridgeError: LB-4302 when the folder holds another log or a fork, LB-5003 when more is
            published than the log holds, LB-5001 when it cannot be read or written, LB-5002 when
            it is damaged, LB-1106 when there is no log.
    """
    pause = read_duration(every)
    with open_reader(log) as reader, _stopped() as stop:
        publisher = Publisher(reader, to, entries=entries)
        told: str | None = None
        while True:
            try:
                if head := _head(log, reader, witnesses, follow=follow):
                    _tell(publisher.publish(head), output)
                told = None
            except LandbridgeError as error:
                # A disk that is full or away may come back; whatever else it is will not pass.
                if not follow or error.reason is not Reason.LOG_UNAVAILABLE:
                    raise
                if told != error.message:
                    talk(f"{error.code}: {error.message}; trying again")
                told = error.message
            if not follow or stop.wait(pause):
                return 0
            reader.refresh()


def _head(log: Path, reader: LogReader, witnesses: int, *, follow: bool) -> bytes:
    """Return the head to publish, or nothing where it is still to be waited for."""
    head = cosigned_head(log, reader, witnesses, holding=reader.size)
    if witnesses and head == reader.checkpoint:
        if follow:
            return b""
        raise refuse(
            Reason.LOG_UNAVAILABLE,
            f"no head of {reader.origin} has {counted(witnesses, 'cosignature')} yet",
            where=str(log),
            next_step="wait until the witnesses have seen it, use --follow, or ask for fewer",
        )
    return head


def _tell(done: Published, output: Output) -> None:
    if not done.files:
        return
    if output is Output.TABLE:
        entries, files = counted(done.size, "entry"), counted(done.files, "file")
        line = f"{done.origin}: {entries} published, {done.size - done.before} new, {files}"
        data_console().print(line, markup=False, soft_wrap=True)
    else:
        document = {"origin": done.origin, "before": done.before, "size": done.size}
        print_json({**document, "files": done.files}, output)


@contextmanager
def _stopped() -> Iterator[Event]:
    """Give what is set when the command is asked to stop."""
    stop = Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
