"""`landbridge cert serve DIR`: runs the federation's authority."""

from pathlib import Path

from landbridge.commands.loop import run_on_fast_loop


def serve(folder: Path, /, *, listen: str, enrolment: str = "") -> int:
    """Run the federation's authority until it is told to stop.

    It renews its own certificate, and makes itself a new one if it was off for longer than a day.

    Args:
        folder: The authority's folder, as `landbridge cert init` made it.
        listen: The address to listen on, such as 0.0.0.0:7103.
        enrolment: Where the gateway now takes enrolments, such as gateway.example:7102; remembered.
    """
    from certs.registrar.server import serve as serve_authority  # noqa: PLC0415  loaded when it is run

    run_on_fast_loop(lambda: serve_authority(folder, listen=listen, enrolment=enrolment))
    return 0
