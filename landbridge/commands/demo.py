"""`landbridge demo [DIR]`: runs a federation folder and the steps of its demo.toml, then ends."""

import asyncio
import contextlib
import io
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from landbridge.commands.output import talk
from landbridge.commands.sandbox import Sandbox
from landbridge.configuration import load
from landbridge.counted import counted
from landbridge.errors import Reason, refuse
from landbridge.home import VARIABLE

_FILE: Final = "demo.toml"
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_SOON: Final = timedelta(seconds=12)
_AFTERWARDS_S: Final = 0.5
_AGAIN_S: Final = 0.2


class _Command(BaseModel):
    """A command of `landbridge`, and the exit code that it must have.

    What takes its time to arrive is asked for again for up to `within_s` seconds.
    """

    model_config = ConfigDict(extra="forbid")
    run: list[str]
    exits: int = 0
    within_s: float = 0


class _Traffic(BaseModel):
    """What callers go on asking for while a step's commands run; not one call may fail."""

    model_config = ConfigDict(extra="forbid")
    subject: str
    purpose: str


class _Draft(BaseModel):
    """A file of the demo that is written with its places filled in."""

    model_config = ConfigDict(extra="forbid")
    text: str
    to: str


class _Step(BaseModel):
    """One step: words, the end of a process by SIGKILL, a draft, a wait, commands of `landbridge`.

    Under traffic the commands' own output is left out, and what became of the calls is told.
    """

    model_config = ConfigDict(extra="forbid")
    say: str
    kill: str = ""
    draft: _Draft | None = None
    wait_for_soon: bool = False
    run: list[str] = Field(default_factory=list)
    exits: int = 0
    traffic: _Traffic | None = None
    commands: list[_Command] = Field(default_factory=list)

    def all_commands(self) -> list[_Command]:
        """Return the commands in order."""
        first = [_Command(run=self.run, exits=self.exits)] if self.run else []
        return first + self.commands


class _Demo(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: list[_Step] = Field(min_length=1)


def demo(folder: Path = Path("examples/institutions"), /) -> int:
    """Start a federation folder as real processes and run the steps of its demo.toml.

    Every step names the exit code that it must have; the demo fails with the first that differs.
    {folder} in a step stands for the federation's folder, {home} for the home folder, {work} for a
    folder that goes with the demo; {now} for the time at which a draft is written, {soon} for one
    shortly after it.

    Args:
        folder: The federation's folder.
    """
    steps = load(folder / _FILE, _Demo).steps
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="landbridge-demo-") as work:
        home = Path(work) / "home"
        with Sandbox(folder, home, preloaded=True) as sandbox:
            asyncio.run(sandbox.wait_ready())
            _say(
                f"{sandbox.federation.title}: {counted(len(sandbox.providers), 'node')} and the"
                f" gateway run as processes, ready after {time.monotonic() - started:.1f} s"
            )
            os.environ[VARIABLE] = str(home)
            places = {"work": work, "folder": str(folder), "home": str(home)}
            for number, step in enumerate(steps, 1):
                _say(f"{number}. {step.say}")
                if step.kill:
                    sandbox.stop(step.kill, kill=True)
                if step.draft:
                    _write(step.draft, folder, places)
                if step.wait_for_soon:
                    _wait_until(places["soon"])
                if step.traffic:
                    _run_under(step.traffic, step, sandbox, places)
                else:
                    for command in step.all_commands():
                        _run(command, places)
    _say(f"All {len(steps)} steps went as they should, in {time.monotonic() - started:.1f} s.")
    return 0


def _write(draft: _Draft, folder: Path, places: dict[str, str]) -> None:
    """Fill a draft in and write it; what is soon counts from here on."""
    now = datetime.now(UTC).replace(microsecond=0)
    places["now"] = now.strftime(_INSTANT)
    places["soon"] = (now + _SOON).strftime(_INSTANT)
    Path(_filled(draft.to, places)).write_text(_filled((folder / draft.text).read_text(), places))


def _wait_until(instant: str) -> None:
    due = datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC)
    _say(f"It is to take effect at {instant}. Waiting for that.")
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + _AFTERWARDS_S)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", place)
    return text


def _run_under(wanted: _Traffic, step: _Step, sandbox: Sandbox, places: Mapping[str, str]) -> None:
    from landbridge.commands.traffic import Traffic  # noqa: PLC0415  gRPC is not needed before

    subject = sandbox.federation.schemes.parse(wanted.subject)
    sys.stdout.write("\n")
    with Traffic(sandbox.home_folder, subject, wanted.purpose) as traffic:
        for command in step.all_commands():
            _run(command, places, quiet=True)
    sys.stdout.write(f"{traffic.summary()}\n")
    if traffic.failures or not traffic.asked:
        raise refuse(
            Reason.SOURCE_FAILED,
            f"{counted(len(traffic.failures), 'call')} failed, the first one so: "
            + (traffic.failures[0] if traffic.failures else "nothing was asked"),
            next_step="read the processes' logs",
        )


def _run(command: _Command, places: Mapping[str, str], *, quiet: bool = False) -> None:
    from landbridge.commands.main import run  # noqa: PLC0415  main loads this module

    arguments = [_filled(word, places) for word in command.run]
    shown = shlex.join(command.run if quiet else arguments)
    sys.stdout.write(f"$ landbridge {shown}\n" if quiet else f"\n$ landbridge {shown}\n")
    sys.stdout.flush()
    said = io.StringIO()
    started = time.monotonic()
    while True:
        late = time.monotonic() - started >= command.within_s
        with contextlib.ExitStack() as stack:
            if quiet or not late:
                said = io.StringIO()
                stack.enter_context(contextlib.redirect_stdout(said))
                stack.enter_context(contextlib.redirect_stderr(said))
            code = run(arguments)
        if late or code == command.exits:
            break
        time.sleep(_AGAIN_S)
    sys.stdout.write("" if quiet or late else said.getvalue())
    sys.stdout.flush()
    if quiet:
        sys.stdout.write(f"  exit {code} after {time.monotonic() - started:.1f} s\n")
    else:
        talk(f"exit {code}")
    if code != command.exits:
        raise refuse(
            Reason.SOURCE_FAILED,
            f"this step ended with exit code {code}, not {command.exits} {said.getvalue()}".strip(),
            where=shlex.join(arguments),
            next_step="read what it said above",
        )


def _say(text: str) -> None:
    sys.stdout.write(f"\n=== {text}\n")
    sys.stdout.flush()
