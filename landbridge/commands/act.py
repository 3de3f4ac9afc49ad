"""Acts of administrators on the command line: their options, what came of them, the exit code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.commands.act_line import ActLine, Administrator
from landbridge.commands.admin_line import open_line
from landbridge.commands.local_line import open_local
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.home import Home, find_home
from landbridge.trust.approval import Statement
from landbridge.v1 import authority_service_pb2

DONE: Final = 0
NOT_YET: Final = 3


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class ActOptions:
    """What every act of an administrator takes."""

    admin: Annotated[str | None, Parameter(name="--as")] = None
    """Which administrator acts, where this machine holds keys of several."""
    dry_run: Annotated[bool, Parameter(negative=())] = False
    """Print the exact effect and change nothing."""
    home: Path | None = None
    """The home folder, where it is not .landbridge here or above."""
    authority: Path | None = None
    """Act in the authority's own folder while its process is stopped: for the day on which no
    administrator's certificate is valid any more."""
    output: OutputOption = Output.TABLE
    """How to print: table, json or ndjson."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class GateOptions(ActOptions):
    """What an act takes that a gate may hold back."""

    override: Annotated[bool, Parameter(negative=())] = False
    """Go past parties that lag; two administrators have to sign, each with this option."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An act that is ready to be signed; `next_step` is what helps after it is done."""

    statement: Statement
    attachment: bytes = b""
    next_step: str = ""


Prepare = Callable[[ActLine], Prepared | Awaitable[Prepared]]
Use = Callable[[bytes], dict[str, Any]]


def run_act(options: ActOptions, prepare: Prepare, *, use: Use | None = None) -> int:
    """Sign one act, hand it in and print what came of it; return the exit code.

    `prepare` writes the act with the newest trust bundle at hand; `use` takes what the act brought
    forth and returns what is to be told of it.

    Raises:
        LandbridgeError: the authority's refusal, and what `open_line` raises.
    """
    return asyncio.run(_act(options, prepare, use))


@asynccontextmanager
async def act_line(options: ActOptions) -> AsyncIterator[ActLine]:
    """Open the way that the options name.

    Raises:
        LandbridgeError: what `open_line` and `open_local` raise.
    """
    if options.authority is None:
        async with open_line(options.home, options.admin) as line:
            yield line
        return
    admin = Administrator.of(Home.read(find_home(options.home)), options.admin)
    with open_local(options.authority, admin) as local:
        yield local


async def _act(options: ActOptions, prepare: Prepare, use: Use | None) -> int:
    async with act_line(options) as line:
        made = prepare(line)
        prepared = made if isinstance(made, Prepared) else await made
        response = await line.submit(
            prepared.statement, prepared.attachment, dry_run=options.dry_run
        )
        document = outcome(prepared.statement, response, line.admin.name, dry_run=options.dry_run)
    if response.done and use is not None:
        document |= use(response.result)
    if options.output is Output.TABLE:
        print_outcome(document)
        if response.done and prepared.next_step:
            talk(f"next: {prepared.next_step}")
    else:
        print_json(document, options.output)
    return exit_code(document)


def outcome(
    statement: Statement,
    response: authority_service_pb2.SubmitResponse,
    admin: str,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Describe what came of an act."""
    return {
        "act": str(statement.act),
        "subject": statement.subject,
        "override": statement.override,
        "administrator": admin,
        "dry_run": dry_run,
        "done": response.done,
        "signatures_missing": response.signatures_missing,
        "bundle": response.bundle_number,
        "effects": list(response.effects),
        "obstacles": list(response.obstacles),
    }


def exit_code(document: dict[str, Any]) -> int:
    """Return how a command leaves: 3 while a signature is missing, or a gate is closed."""
    if document["dry_run"]:
        return NOT_YET if document["obstacles"] and not document["override"] else DONE
    return DONE if document["done"] else NOT_YET


def print_outcome(document: dict[str, Any]) -> None:
    """Print what came of an act, for a reader."""
    for line in outcome_lines(document):
        data_console().print(visible(line), markup=False, soft_wrap=True)


def outcome_lines(document: dict[str, Any]) -> list[str]:
    """Write what came of an act: the act, its effects, what stands against it, what is missing."""
    name = f"{document['act']} {document['subject']}"
    missing = document["signatures_missing"]
    if document["dry_run"]:
        state = "would be"
    else:
        state = f"done in bundle {document['bundle']}" if document["done"] else "signed"
    lines = [f"{name}: {state}"]
    lines += [f"  {effect}" for effect in document["effects"]]
    lines += [f"  ! {obstacle}" for obstacle in document["obstacles"]]
    if document["dry_run"]:
        if missing:
            lines.append(f"administrators that have to sign: {missing}")
        lines.append("nothing was changed")
    elif missing:
        who = "one more administrator has" if missing == 1 else f"{missing} more have"
        lines.append(f"{who} to sign: the same command again with their own --as")
    return lines
