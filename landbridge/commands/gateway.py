"""`landbridge gateway serve|check`."""

from pathlib import Path

from cyclopts import App

from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.output import Output, OutputOption, data_console, print_json

app = App(name="gateway", help="Serve as the federation's gateway, or check that it can.")


@app.command
def serve(federation: Path, /, *, state: Path, listen: str, enrolment_listen: str = "") -> int:
    """Serve the federation's gateway until it is told to stop.

    Args:
        federation: The federation.toml.
        state: The folder with the gateway's keys, trust bundle, memoranda and log.
        listen: The address to listen on, such as 0.0.0.0:7100.
        enrolment_listen: Where to take enrolments and applications of those who have no
            certificate yet, such as 0.0.0.0:7102; nowhere when it is not given.
    """
    from gateway.server import serve as serve_gateway  # noqa: PLC0415  loaded when it is run

    run_on_fast_loop(
        lambda: serve_gateway(
            federation, state=state, listen=listen, enrolment_listen=enrolment_listen
        )
    )
    return 0


@app.command
def check(federation: Path, /, *, state: Path, output: OutputOption = Output.TABLE) -> int:
    """Read everything that the gateway would serve with, and say what it found.

    Args:
        federation: The federation.toml.
        state: The folder with the gateway's keys, trust bundle, memoranda and log.
        output: How to print: table, json or ndjson.
    """
    from gateway.check import check as check_gateway  # noqa: PLC0415  loaded when it is run

    facts = check_gateway(federation, state)
    if output is Output.TABLE:
        console = data_console()
        for name, fact in facts.items():
            console.print(f"{name}: {fact}", markup=False)
    else:
        print_json(facts, output)
    return 1 if facts["memoranda refused"] else 0
