"""Runs a measurement, and tells what is going on and what came of it."""

import sys
from collections.abc import Coroutine
from typing import Any

from bench.commands.options import Output
from bench.report import print_figures, print_line
from landbridge.commands.loop import run_on_fast_loop


def measured(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run a measurement and return its document."""
    result: dict[str, Any] = {}

    async def program() -> None:
        result.update(await work)

    run_on_fast_loop(program)
    return result


def show(result: dict[str, Any], output: Output) -> None:
    """Print a document: for people, or as one line."""
    if output is Output.TABLE:
        print_figures(result)
    else:
        print_line(result)


def say(text: str) -> None:
    """Tell whoever watches what is going on."""
    print(text, file=sys.stderr, flush=True)
