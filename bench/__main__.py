"""`python -m bench COMMAND`: measures on this machine, and tries what is promised under load."""

import signal
import sys

from cyclopts import App

from bench.commands import costs, logs, ordeals, policy, speed
from bench.commands.outcome import say
from landbridge.errors import LandbridgeError, Reason

_USAGE = 2

app = App(
    name="python -m bench",
    help="Measures Landbridge on this machine, and tries its promises under load.",
)
for _command in (
    speed.throughput,
    speed.peers,
    speed.profile,
    speed.slow,
    ordeals.rotation,
    ordeals.revocation,
    ordeals.crash,
    ordeals.enrolment,
    costs.guard,
    costs.sealing,
    costs.predicates,
    logs.log,
    logs.audit,
    logs.proof,
    policy.decisions,
):
    app.command(_command)


def _main() -> None:
    # Whoever stops the bench, by whichever signal: no process of it may stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(result_action="return_value")
    except LandbridgeError as error:
        say(f"{error.code}  {error.message}\nat: {error.where}\nnext: {error.next_step}")
        code = _USAGE if error.reason is Reason.USAGE else 1
    sys.exit(code)


if __name__ == "__main__":
    _main()
