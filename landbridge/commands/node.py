"""`landbridge node serve|check|describe|conform|report`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.output import Output, OutputOption, data_console, print_json
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.home import FILE as HOME_FILE
from landbridge.home import Home

app = App(name="node", help="Serve one agency's data, check that it can be served, describe it.")
app.command(
    "landbridge.commands.node_conform:conform",
    name="conform",
    help="Try the agency's own node in every respect, and write a signed report.",
)
app.command(
    "landbridge.commands.node_report:report",
    name="report",
    help="Verify the signed report of a trial, and show it.",
)


class Description(StrEnum):
    """By which standard a node's datasets are described."""

    TABLE_SCHEMA = "table-schema"
    DCAT_AP = "dcat-ap"


@app.command
def serve(
    config: Path,
    /,
    *,
    federation: Path | None = None,
    state: Path | None = None,
    listen: str = "",
) -> int:
    """Serve one agency's node until it is told to stop.

    Args:
        config: The agency's node.toml.
        federation: The federation.toml; by default the nearest one above node.toml.
        state: The folder with this party's keys, trust bundle, memoranda and log.
        listen: The address to listen on, such as 0.0.0.0:7101.
    """
    from node.server import serve as serve_node  # noqa: PLC0415  loaded when it is run

    place = federation or nearest_federation(config)
    run_on_fast_loop(lambda: serve_node(config, place, state=state, listen=listen))
    return 0


@app.command
def check(
    config: Path,
    /,
    *,
    federation: Annotated[Path | None, Parameter()] = None,
    memorandum: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    output: OutputOption = Output.TABLE,
) -> int:
    """Open the agency's database as the node would, and say what fits and what does not.

    Args:
        config: The agency's node.toml.
        federation: The federation.toml; by default the nearest one above node.toml.
        memorandum: A memorandum (YAML), or its signed form, again for each: whether the node can
            execute it exactly as it is written.
        output: How to print: table, json or ndjson.
    """
    from landbridge.commands.memo.memo_file import open_memorandum  # noqa: PLC0415
    from node.check import check as check_node  # noqa: PLC0415  loaded when it is run

    memoranda = [open_memorandum(file).memorandum for file in memorandum]
    findings = check_node(config, federation or nearest_federation(config), memoranda)
    if output is Output.TABLE:
        console = data_console()
        for finding in findings:
            console.print(f"[{finding.verdict}] {finding.place}: {finding.message}", markup=False)
            if finding.next_step:
                console.print(f"       next: {finding.next_step}", markup=False)
    else:
        rows = [
            {
                "verdict": str(finding.verdict),
                "place": finding.place,
                "message": finding.message,
                "next_step": finding.next_step,
            }
            for finding in findings
        ]
        print_json({"findings": rows}, output)
    return 1 if any(finding.verdict == "fail" for finding in findings) else 0


@app.command
def describe(
    config: Path,
    /,
    *,
    as_: Annotated[Description, Parameter(name="--as")],
    federation: Path | None = None,
    dataset: str = "",
) -> int:
    """Describe what the agency publishes, by a standard that other programs read, on stdout.

    Args:
        config: The agency's node.toml. Its database is not opened.
        as_: table-schema (of one dataset), or dcat-ap (a catalogue of all, JSON-LD).
        federation: The federation.toml; by default the nearest one above node.toml.
        dataset: For table-schema: the dataset, where the agency has several.

    Raises:
        LandbridgeError: LB-1101 for a wrong configuration, LB-1006 for an unknown dataset.
    """
    from landbridge.exchange.dcat_ap import write_catalogue  # noqa: PLC0415  loaded when it is run
    from landbridge.exchange.table_schema import write_table_schema  # noqa: PLC0415
    from node import description  # noqa: PLC0415
    from node.config import load_node_config  # noqa: PLC0415

    words = Federation.load(federation or nearest_federation(config))
    agency = description.describe(load_node_config(config, words), words)
    if as_ is Description.TABLE_SCHEMA:
        print_json(write_table_schema(description.choose_dataset(agency, dataset)), Output.JSON)
    elif dataset:
        raise refuse(Reason.USAGE, "--dataset goes with --as table-schema only")
    else:
        print_json(write_catalogue(agency), Output.JSON)
    return 0


def nearest_config(state: Path, agency: str) -> Path:
    """Find the node.toml of an agency, by the folder of its node.

    Raises:
        LandbridgeError: LB-1106 when there is none.
    """
    for folder in state.resolve().parents:
        is_home = (folder / HOME_FILE).is_file()
        top = Home.read(folder).federation.parent if is_home else folder
        if (place := top / "agencies" / agency / "node.toml").is_file():
            return place
    raise refuse(
        Reason.USAGE,
        f"there is no agencies/{agency}/node.toml in the folders above, or where their home leads",
        where=str(state),
        next_step="give --config FILE",
    )


def nearest_federation(config: Path) -> Path:
    """Find the federation.toml that stands nearest above a configuration.

    Raises:
        LandbridgeError: LB-1101 when there is none.
    """
    for folder in config.resolve().parents:
        if (folder / "federation.toml").is_file():
            return folder / "federation.toml"
    raise refuse(
        Reason.INVALID_CONFIGURATION,
        "there is no federation.toml in the folders above",
        where=str(config),
        next_step="give --federation FILE",
    )
