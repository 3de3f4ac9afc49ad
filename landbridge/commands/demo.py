"""`landbridge demo [DIR]`: runs a federation folder and the steps of its demo.toml, then ends."""

import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from landbridge.commands.output import talk
from landbridge.commands.sandbox import Sandbox
from landbridge.configuration import load
from landbridge.errors import Reason, refuse
from landbridge.home import VARIABLE

_FILE: Final = "demo.toml"


class _Step(BaseModel):
    """One step: words, then the end of a process by SIGKILL, then a command of `landbridge`."""

    model_config = ConfigDict(extra="forbid")
    say: str
    kill: str = ""
    run: list[str] = Field(default_factory=list)
    exits: int = 0


class _Demo(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: list[_Step] = Field(min_length=1)


def demo(folder: Path = Path("examples/institutions"), /) -> int:
    """Start a federation folder as real processes and run the steps of its demo.toml.

    Every step names the exit code that it must have; the demo fails with the first that differs.
    {folder} in a step stands for the federation's folder, {work} for one that goes with the demo.

    Args:
        folder: The federation's folder.
    """
    steps = load(folder / _FILE, _Demo).steps
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="landbridge-demo-") as work:
        home = Path(work) / "home"
        with Sandbox(folder, home) as sandbox:
            asyncio.run(sandbox.wait_ready())
            _say(
                f"{sandbox.federation.title}: {len(sandbox.providers)} nodes and the gateway run"
                f" as processes, ready after {time.monotonic() - started:.1f} s"
            )
            os.environ[VARIABLE] = str(home)
            for number, step in enumerate(steps, 1):
                _say(f"{number}. {step.say}")
                if step.kill:
                    sandbox.stop(step.kill, kill=True)
                _run(step, {"work": work, "folder": str(folder)})
    _say(f"All {len(steps)} steps went as they should, in {time.monotonic() - started:.1f} s.")
    return 0


def _run(step: _Step, places: Mapping[str, str]) -> None:
    from landbridge.commands.main import run  # noqa: PLC0415  main loads this module

    if not step.run:
        return
    arguments = list(step.run)
    for name, place in places.items():
        arguments = [word.replace(f"{{{name}}}", place) for word in arguments]
    sys.stdout.write(f"\n$ landbridge {shlex.join(arguments)}\n")
    sys.stdout.flush()
    code = run(arguments)
    sys.stdout.flush()
    talk(f"exit {code}")
    if code != step.exits:
        raise refuse(
            Reason.SOURCE_FAILED,
            f"this step ended with exit code {code}, not {step.exits}",
            where=shlex.join(arguments),
            next_step="read what it said above",
        )


def _say(text: str) -> None:
    sys.stdout.write(f"\n=== {text}\n")
    sys.stdout.flush()
