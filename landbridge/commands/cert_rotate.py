"""`landbridge cert rotate ...`: drives a rotation; it may stop anywhere, and then goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from landbridge.commands.act import DONE, NOT_YET, GateOptions, act_line, print_outcome
from landbridge.commands.options import read_duration
from landbridge.commands.output import Output, data_console, print_json, talk, visible
from landbridge.commands.root_vault import RootVault
from landbridge.commands.rotation_drive import Progress, Wishes, drive, present
from landbridge.commands.rotation_plan import plan_document
from landbridge.home import Home, find_home
from landbridge.trust.document import Level

State = Literal["prepared", "published", "active", "removed", "aborted"]

app = App(name="rotate", help="Replace a root, an issuing authority, a leaf or a signing key.")
app.command("landbridge.commands.cert_renew:renew", name="leaf", help="Renew certificates now.")
app.command(
    "landbridge.commands.cert_rotate_key:key",
    name="key",
    help="Introduce, activate or remove a signing key.",
)

app.command(
    "landbridge.commands.cert_rotate_bundle_key:bundle_key",
    name="bundle-key",
    help="Replace the key that signs trust bundles.",
)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class RotateOptions(GateOptions):
    """What the rotation of an authority takes."""

    to: State = "removed"
    """Stop when this is reached; `removed` is the whole rotation, `aborted` gives it up."""
    wait: str = "10m"
    """How long to wait for parties that lag, such as 30s or 10m; the next run goes on."""
    root: Path | None = None
    """The folder that holds root-1 and its successors, where home.toml names none."""
    passphrase_file: Path | None = None
    """A file of mode 0600 with the roots' passphrase, in place of typing it."""


_DEFAULTS = RotateOptions()


@app.command
def issuing(*, options: RotateOptions = _DEFAULTS) -> int:
    """Replace the issuing authority: every party renews by itself, nothing is restarted.

    Run again, it goes on from where it stopped. Exit code 3: it waits for somebody, and says whom.

    Args:
        options: Who acts, and how.
    """
    return _rotate(Level.ISSUING, options, lost=False)


@app.command
def root(
    *, lost: Annotated[bool, Parameter(negative=())] = False, options: RotateOptions = _DEFAULTS
) -> int:
    """Replace the root, and the issuing authority under it; two administrators run it in turn.

    Args:
        lost: The present root's key is lost: no cross-certificate is made. Everybody has to fetch
            the new trust bundle before the new root is active, as otherwise too.
        options: Who acts, and how.
    """
    return _rotate(Level.ROOT, options, lost=lost)


def _rotate(level: Level, options: RotateOptions, *, lost: bool) -> int:
    wishes = Wishes(level, options.to, read_duration(options.wait), options.override, lost)
    if options.dry_run:
        document = asyncio.run(_plan(level, options))
        if options.output is Output.TABLE:
            for line in plan_lines(document):
                data_console().print(visible(line), markup=False, soft_wrap=True)
        else:
            print_json(document, options.output)
        return DONE
    progress = asyncio.run(_run(wishes, options))
    document = {
        "rotation": str(level),
        "finished": progress.finished,
        "steps": progress.steps,
        "waits_for": progress.waits_for,
        "signatures_missing": progress.signatures_missing,
    }
    if options.output is Output.TABLE:
        _tell_end(level, progress)
    else:
        print_json(document, options.output)
    return DONE if progress.finished else NOT_YET


async def _plan(level: Level, options: RotateOptions) -> dict[str, Any]:
    async with act_line(options) as line:
        return plan_document(level, present(line, await line.standing()))


async def _run(wishes: Wishes, options: RotateOptions) -> Progress:
    home = Home.read(find_home(options.home))

    def did(made: dict[str, Any]) -> None:
        if options.output is Output.TABLE:
            print_outcome(made)

    def waits(obstacles: Sequence[str]) -> None:
        more = f" (and {len(obstacles) - 1} more)" if len(obstacles) > 1 else ""
        talk(f"waiting: {obstacles[0]}{more}")

    async with act_line(options) as line:
        vault = RootVault(
            options.root or home.root, line.bundle.federation, options.passphrase_file
        )
        async with line.kept():
            return await drive(line, vault, wishes, did=did, waits=waits)


def plan_lines(plan: dict[str, Any]) -> list[str]:
    """Write a plan for a reader: steps in order, whom they concern, overlap, last safe hour."""
    lines = [f"{plan['federation']}, bundle {plan['bundle']}: {plan['active']} is active"]
    for number, step in enumerate(plan["steps"], start=1):
        two = "  (two administrators)" if step["administrators"] > 1 else ""
        lines.append(f"{number}. {step['act']} {step['subject']}{two}")
        if step["waits"]:
            lines.append(f"   waits {step['waits']}")
        lines += [f"   now: {obstacle}" for obstacle in step["obstacles"]]
        lines.append(f"   {step['effect']}")
    lines.append(f"parties: {', '.join(plan['parties']) or 'none is enrolled yet'}")
    lines.append(f"overlap: {plan['overlap']}")
    lines.append(f"last safe hour for the new one to become active: {plan['last_safe_hour']}")
    lines.append("nothing was changed")
    return lines


def _tell_end(level: Level, progress: Progress) -> None:
    if progress.finished:
        talk("the rotation is where it was asked to go: landbridge cert status shows it")
        return
    if progress.signatures_missing:
        talk(
            "a second administrator has to sign: "
            f"landbridge cert rotate {level} with their own --as"
        )
        return
    for obstacle in progress.waits_for:
        data_console().print(visible(f"! {obstacle}"), markup=False, soft_wrap=True)
    talk(
        f"next: see to these, then run `landbridge cert rotate {level}` again; it goes on from here"
    )
