"""The `landbridge` command.

Commands are loaded when they are called, so that `landbridge --version` stays quick. Here is the
one place that turns an error into words and an exit code:

    0 complete   1 failed   2 usage   3 partial   4 refused   5 unreachable
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CycloptsError

import landbridge
from landbridge.errors import LandbridgeError, Reason, refuse

COMPLETE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PARTIAL: Final = 3
REFUSED: Final = 4
UNREACHABLE: Final = 5
_INTERRUPTED: Final = 130

COMMANDS: Final = {
    "profile": ("landbridge.commands.profile:profile", "Assemble the profile of one subject."),
    "verify": (
        "landbridge.commands.verify:verify",
        "Verify a saved file, offline: a profile, a case, who looked, a proof.",
    ),
    "convert": (
        "landbridge.commands.convert:convert",
        "Write a saved profile as a credential, entities or PROV.",
    ),
    "explain": ("landbridge.commands.explain:explain", "Say what a code means and what to do."),
    "memo": ("landbridge.commands.memo.app:app", "Write, try, sign and follow memoranda."),
    "consent": ("landbridge.commands.consent:app", "Give, show, verify and revoke consents."),
    "status": (
        "landbridge.commands.status:status",
        "Ask whether a saved profile is still good.",
    ),
    "subject": ("landbridge.commands.subject:app", "See who looked at a subject's records."),
    "dispute": ("landbridge.commands.dispute:app", "Challenge a record, and decide it."),
    "repair": ("landbridge.commands.repair:app", "Ask for the repair of a record, and decide it."),
    "correction": (
        "landbridge.commands.correction:app",
        "Tell those who received what was wrong, and acknowledge.",
    ),
    "log": ("landbridge.commands.log.app:app", "Prove, export, audit and watch verifiable logs."),
    "cert": ("landbridge.commands.cert:app", "Make, follow and rotate certificates and keys."),
    "federation": ("landbridge.commands.federation:app", "Join, accept, suspend, leave, show."),
    "up": ("landbridge.commands.up:up", "Run a whole federation folder on this machine."),
    "demo": ("landbridge.commands.demo:demo", "Show the main job on the example federation."),
    "node": ("landbridge.commands.node:app", "Serve one agency's data, or check that it can."),
    "gateway": ("landbridge.commands.gateway:app", "Serve as the federation's gateway."),
}
_FLAGS: Final = ("--help", "-h", "--version")
_EXTRAS: Final = {"node": "node", "gateway": "gateway", "cert": "authority"}
_OURS: Final = frozenset({"landbridge", "gateway", "node", "certs"})
_TYPED: Final = frozenset(
    {
        Reason.MALFORMED_REQUEST,
        Reason.UNKNOWN_SCHEME,
        Reason.MALFORMED_IDENTIFIER,
        Reason.WRONG_CHECK_DIGIT,
        Reason.UNKNOWN_PURPOSE,
        Reason.UNKNOWN_DATASET,
        Reason.UNKNOWN_FIELD,
        Reason.USAGE,
    }
)
_REFUSALS: Final = range(3000, 5000)

app = App(
    name="landbridge",
    help="One signed profile of a subject from many agencies, without a central copy of the data.",
    version=landbridge.__version__,
    result_action="return_value",
)
for _name, (_place, _help) in COMMANDS.items():
    app.command(_place, name=_name, help=_help)


def main() -> None:
    """Run the command line and leave with its exit code."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        _abandon_stdout()
        code = code or FAILED
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors are told on stderr."""
    if list(arguments) == ["--version"]:
        # The frame would load all of rich to print this.
        sys.stdout.write(landbridge.__version__ + "\n")
        return COMPLETE

    def command() -> int:
        _check_command(arguments)
        result = app(arguments, exit_on_error=False, print_error=False)
        return result if isinstance(result, int) else COMPLETE

    return told(command, arguments)


def told(work: Callable[[], int], arguments: Sequence[str]) -> int:
    """Do the work of a command and return its exit code; errors are told on stderr."""
    try:
        code = work()
    except LandbridgeError as error:
        _tell(error)
        code = exit_code(error.reason)
    except CycloptsError as error:
        _tell(refuse(Reason.USAGE, str(error), next_step=f"see `{_help_of(arguments)}`"))
        code = USAGE
    except ImportError as error:
        _tell_missing_package(error, arguments)
        code = FAILED
    except BrokenPipeError:
        # The reader of stdout has seen enough, as in `landbridge explain | head -1`.
        _abandon_stdout()
        code = FAILED
    except OSError as error:
        _tell(
            refuse(
                Reason.USAGE,
                error.strerror or str(error),
                where=str(error.filename or ""),
                next_step="see that the place is there, has room and may be read or written",
            )
        )
        code = FAILED
    except KeyboardInterrupt:
        code = _INTERRUPTED
    return code


def exit_code(reason: Reason) -> int:
    """Return how a command leaves that failed for this reason."""
    if reason in _TYPED:
        return USAGE
    if reason in (Reason.UNREACHABLE, Reason.LATE):
        return UNREACHABLE
    return REFUSED if reason in _REFUSALS else FAILED


def _check_command(arguments: Sequence[str]) -> None:
    # The frame would load every command to find the nearest name; here are only the names.
    first = arguments[0] if arguments else "--help"
    if first in COMMANDS or first in _FLAGS:
        return
    from landbridge.suggestion import did_you_mean  # noqa: PLC0415  only errors need it

    kind = "an option" if first.startswith("-") else "a command"
    raise refuse(
        Reason.USAGE,
        f"{first!r} is not {kind}{did_you_mean(first, (*COMMANDS, *_FLAGS))}",
        next_step="see `landbridge --help`",
    )


def _help_of(arguments: Sequence[str]) -> str:
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    return f"landbridge {command} --help".replace("  ", " ")


def _tell(error: LandbridgeError) -> None:
    from landbridge.commands.output import talk  # noqa: PLC0415  only errors need it

    talk(f"{error.code}  {error.message}")
    if error.where:
        talk(f"at: {error.where}")
    talk(f"next: {error.next_step}")


def _tell_missing_package(error: ImportError, arguments: Sequence[str]) -> None:
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    package = (cause.name or "").partition(".")[0]
    if not isinstance(cause, ModuleNotFoundError) or package in _OURS:
        raise error
    extra = _EXTRAS.get(arguments[0], "node,gateway") if arguments else "node,gateway"
    _tell(
        refuse(
            Reason.USAGE,
            f"this command needs the package {package!r}, which is not installed",
            next_step=f"install it with `pip install 'landbridge[{extra}]'`",
        )
    )


def _abandon_stdout() -> None:
    # Python flushes stdout once more at exit, and would complain about the closed pipe there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
