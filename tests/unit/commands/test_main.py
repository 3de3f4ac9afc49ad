"""The command's frame: exit codes, errors on stderr, nothing loaded that is not needed."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import landbridge
from landbridge.commands import main
from landbridge.commands.main import COMMANDS, exit_code, run
from landbridge.errors import LandbridgeError, Reason

HEAVY = ("grpc", "google.protobuf", "sqlalchemy", "pydantic", "cryptography", "rich.console")


def landbridge_command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "landbridge.commands.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_version_is_all_that_it_prints() -> None:
    done = landbridge_command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{landbridge.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [(["--version"], ()), (["--help"], ("rich.console",)), (["explain", "1"], ("rich.console",))],
)
def test_light_commands_load_nothing_heavy(arguments: list[str], allowed: tuple[str, ...]) -> None:
    """What `--version` imports is what it costs: the time itself is not tested."""
    script = (
        "import sys, json; from landbridge.commands.main import run; "
        f"code = run({arguments!r}); print(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert [name for name in HEAVY if name in modules and name not in allowed] == []
    if arguments == ["--version"]:
        assert len(modules) < 250


def test_help_lists_every_command_without_loading_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded(name: str) -> None:
    module, attribute = COMMANDS[name][0].split(":")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["profil"], "'profil' is not a command; did you mean 'profile'?"),
        (["--versoin"], "'--versoin' is not an option; did you mean '--version'?"),
        (["zzzzzz"], "'zzzzzz' is not a command"),
        (["explain", "--outptu", "json"], "Did you mean --output?"),
        (["explain", "-o", "yaml"], 'Choose from: "table", "json", "ndjson"'),
        (["explain", "1", "2"], "'2'"),
        (["verify"], "FILE"),
        (["node", "sreve"], 'Did you mean "serve"?'),
    ],
)
def test_what_is_mistyped_is_a_usage_error(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("LB-1106  ")
    assert told in shown.err
    assert "next: see `landbridge" in shown.err


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.UNKNOWN_SCHEME, 2),
        (Reason.WRONG_CHECK_DIGIT, 2),
        (Reason.UNKNOWN_FIELD, 2),
        (Reason.USAGE, 2),
        (Reason.INVALID_CONFIGURATION, 1),
        (Reason.MISSING_COLUMN, 1),
        (Reason.UNREACHABLE, 5),
        (Reason.LATE, 5),
        (Reason.BUSY, 1),
        (Reason.NOT_COVERED, 4),
        (Reason.BAD_SIGNATURE, 4),
        (Reason.PROFILE_ALTERED, 4),
        (Reason.LOG_UNAVAILABLE, 1),
    ],
)
def test_each_reason_has_its_exit_code(reason: Reason, code: int) -> None:
    assert exit_code(reason) == code


def failing(error: BaseException) -> Callable[..., int]:
    def command() -> int:
        raise error

    return command


def run_failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    monkeypatch.setitem(COMMANDS, "fail", ("", ""))
    monkeypatch.setattr(
        main, "app", type(main.app)(name="landbridge", result_action="return_value")
    )
    main.app.command(failing(error), name="fail")
    return run(["fail"])


def test_an_error_is_told_with_place_and_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = LandbridgeError(
        Reason.NOT_COVERED, "no \x1b[31mgrant", where="m-1 2.1", next_step="ask"
    )
    assert run_failing(monkeypatch, error) == 4
    assert capsys.readouterr().err == ("LB-3001  no \\u001b[31mgrant\nat: m-1 2.1\nnext: ask\n")


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy.engine")
    assert run_failing(monkeypatch, error) == 1
    told = capsys.readouterr().err
    assert "needs the package 'sqlalchemy'" in told
    assert "pip install 'landbridge[" in told


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportError):
        run_failing(monkeypatch, ImportError("cannot import name 'x'", name="landbridge.x"))


def test_an_interrupt_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_failing(monkeypatch, KeyboardInterrupt())
    assert caught.value.code == 130
    assert capsys.readouterr().err == ""


def test_a_closed_stdout_gives_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "landbridge.commands.main", "explain"],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_colours_are_for_terminals_only() -> None:
    environment = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": ""}
    done = landbridge_command("explain", "3004", env=environment)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
