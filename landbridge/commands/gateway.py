"""`landbridge gateway serve|check`."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.output import Output, OutputOption, data_console, print_json

app = App(name="gateway", help="Serve as the federation's gateway, or check that it can.")


@app.command
def serve(
    federation: Path,
    /,
    *,
    state: Path,
    listen: str,
    enrolment_listen: str = "",
    workers: Annotated[int, Parameter(validator=Number(gt=0))] = 1,
) -> int:
    """Serve the federation's gateway until it is told to stop.

    Args:
        federation: The federation.toml.
        state: The folder with the gateway's keys, trust bundle, memoranda and log.
        listen: The address to listen on, such as 0.0.0.0:7100.
        enrolment_listen: Where to take enrolments and applications of those who have no
            certificate yet, such as 0.0.0.0:7102; nowhere when it is not given.
        workers: How many processes share the port and the log: more than one pays on machines with
            more cores than the queries and the nodes' answers keep busy.
    """

    def work(number: int) -> int:
        from gateway.server import serve as serve_gateway  # noqa: PLC0415  loaded when it is run
        from gateway.worker import Worker  # noqa: PLC0415

        run_on_fast_loop(
            lambda: serve_gateway(
                federation,
                state=state,
                listen=listen,
                enrolment_listen=enrolment_listen,
                worker=Worker(number, workers),
            )
        )
        return 0

    if workers == 1:
        return work(0)
    from landbridge.commands.main import told  # noqa: PLC0415  main loads this module
    from landbridge.commands.workers import run_workers  # noqa: PLC0415

    return run_workers(lambda number: told(lambda: work(number), ["gateway", "serve"]), workers)


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
