"""`landbridge node conform CONFIG`: an agency tries its own node before it joins."""

import asyncio
import io
import json
import os
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from landbridge.commands.node import nearest_federation
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk, visible
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import SigningKey, write_whole

_NAME_WIDTH = 16
_FAILED = 1


def conform(  # noqa: PLR0913 - options of a command, by name
    config: Path,
    /,
    *,
    federation: Path | None = None,
    subject: Annotated[Sequence[str], Parameter(negative_iterable=())] = (),
    out: Path | None = None,
    key: Path | None = None,
    process_log: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Try the agency's own node: its real configuration and database, in a throw-away federation.

    Keys, memoranda and log lie in a temporary folder; the database is only read. Leaves with 1
    where something does not conform.

    Args:
        config: The agency's node.toml.
        federation: The federation.toml; by default the nearest one above node.toml.
        subject: A subject to ask for, as scheme:value; several may be named. Needed only where the
            identifiers in the database are not whole, so that none can be read from there.
        out: Where to write the signed report (JWS General JSON).
        key: The agency's key for memoranda, which signs the report; without it a throw-away key
            does, and the report says so.
        process_log: Where to write what the node says of itself; thrown away without it.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-11xx for a wrong configuration; LB-2xxx when the database does not
            answer; LB-1002 to LB-1004 for a subject that is none; LB-4002 for another key than the
            agency's for memoranda.
    """
    # gRPC's own library writes of every handshake that fails, as some here must.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from node.config import load_node_config  # noqa: PLC0415  loaded when it is run
    from node.conformance.report import check_key, sign_report  # noqa: PLC0415
    from node.conformance.run import conform as try_node  # noqa: PLC0415
    from node.conformance.verdict import Outcome  # noqa: PLC0415

    place = federation or nearest_federation(config)
    signer = None if key is None else SigningKey.load(key)
    if signer is not None:
        check_key(signer, load_node_config(config, Federation.load(place)).node.agency)
    for written in (out, process_log):
        if written is not None and written.exists():
            raise refuse(
                Reason.USAGE,
                "the file is there already",
                where=str(written),
                next_step="name a new file",
            )
    console = data_console()

    def passed(outcome: Outcome) -> None:
        if output is Output.TABLE:
            line = f"[{outcome.verdict}] {outcome.name:<{_NAME_WIDTH}} {visible(outcome.seen)}"
            console.print(line, markup=False, soft_wrap=True)

    said = io.StringIO()
    try:
        with redirect_stderr(said):
            report = asyncio.run(try_node(config, place, given=subject, passed=passed))
    finally:
        if process_log is not None:
            write_whole(process_log, said.getvalue().encode(), mode=0o644)
    signed = sign_report(report, signer)
    if output is not Output.TABLE:
        print_json(json.loads(signed.payload), output)
    if out is not None:
        write_whole(out, signed.to_bytes(), mode=0o644)
        whose = "a throw-away key" if signer is None else signer.key_id
        talk(f"report: {out}, signed with {whose}")
    talk("the node conforms" if report.conforms else "the node does not conform")
    return 0 if report.conforms else _FAILED
