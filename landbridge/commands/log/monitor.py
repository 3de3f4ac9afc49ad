"""`landbridge log monitor`: logs held against one another again and again."""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Kind
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.watch import Watch
from landbridge.clock import system_clock
from landbridge.commands.log.audit import find_bundle, read_grace
from landbridge.commands.options import read_duration
from landbridge.commands.output import Output, print_json, talk
from landbridge.counted import counted
from landbridge.errors import LandbridgeError, Reason, refuse

_CLEAN: Final = 0
_FOUND: Final = 1
_UNFINISHED: Final = 3


def monitor(  # noqa: PLR0913  each is an option of its own
    *logs: Path,
    every: str = "5s",
    for_: Annotated[str, Parameter(name="--for")] = "",
    remember: Path | None = None,
    alarms: Path | None = None,
    bundle: Path | None = None,
    grace: str = "60s",
) -> int:
    """Hold logs against one another again and again; tell each finding once, as a line of JSON.

    A look reads only what is new. A log that is away, damaged, shorter than it was or forked since
    the last look raises an alarm, and the others are looked at meanwhile. Ends by --for or a
    signal: with 1 when something stands that is hidden, forked, different or an alarm, with 3 when
    queries are only unfinished, else with 0.

    Args:
        logs: Logs of requester, gateway and nodes: each a log.sqlite, a party's folder, or a folder
            of published tiles.
        every: How long from one look to the next.
        for_: How long in all; without it, until a signal comes.
        remember: The monitor's own file, by which a later run goes on where this one ends.
        alarms: A file to which the lines are written as well.
        bundle: The federation's trust bundle; without it, that of the first party's folder.
        grace: How long something that is missing may still be on its way.

    Raises:
        LandbridgeError: LB-1106 when no log is named or a file cannot be written; LB-4010 when the
            trust bundle is not sound.
    """
    if not logs:
        raise refuse(Reason.USAGE, "no log is named", next_step="name the logs to watch")
    pause = read_duration(every, "--every")
    grace_ms = read_grace(grace)
    ends = time.monotonic() + read_duration(for_, "--for") if for_ else None
    find_bundle(logs, bundle)
    with ExitStack() as stack:
        file = remember or Path(stack.enter_context(TemporaryDirectory())) / "monitor.sqlite"
        store = FactStore.open(file)
        stack.callback(store.close)
        stop = stack.enter_context(_signalled())
        watch = Watch(
            store,
            logs,
            listed=lambda: ListedLogs.of(find_bundle(logs, bundle)),
            grace_ms=grace_ms,
            clock=system_clock,
            tell=lambda event: _tell(event, alarms),
        )
        talk(f"watching {counted(len(logs), 'log')}, a look every {every}")
        while not stop.is_set() and (ends is None or time.monotonic() < ends):
            _look(watch)
            stop.wait(pause if ends is None else max(0.0, min(pause, ends - time.monotonic())))
        kinds = set(watch.standing())
        if kinds - {Kind.UNFINISHED} or watch.alarms():
            return _FOUND
        return _UNFINISHED if kinds else _CLEAN


def _look(watch: Watch) -> None:
    try:
        watch.look()
    except LandbridgeError as error:
        # The trust bundle may be away for a moment, too.
        talk(f"no look was possible: {error}")


def _tell(event: Mapping[str, Any], alarms: Path | None) -> None:
    print_json(event, Output.NDJSON)
    if alarms is None:
        return
    try:
        with alarms.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
    except OSError as error:
        raise refuse(
            Reason.USAGE, f"the line cannot be written: {error.strerror}", where=str(alarms)
        ) from error


@contextmanager
def _signalled() -> Iterator[Event]:
    """Give what is set when the process is asked to end."""
    stop = Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
