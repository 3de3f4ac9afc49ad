"""For all tests: their order, which TLS suites there are, and which outside judges."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

# Before any test imports gRPC: the package sets which TLS suites gRPC may use.
import landbridge  # noqa: F401
from tests.judges.judge import all_are_required, missing
from tests.working_folder import write_into_memory

_NOT_RUN = pytest.StashKey[dict[str, list[str]]]()
_LONGEST_FIRST = ("e2e", "bench", "integration", "judges")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "judge(name, ...): needs outside judges, see tests/judges/judge.py"
    )
    config.stash[_NOT_RUN] = {}
    write_into_memory()
    # The width of a terminal, by which commands would break their lines: inherited, or put into the
    # environment of this process, past Python, by readline.
    os.environ.pop("COLUMNS", None)
    os.unsetenv("COLUMNS")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and leave out what cannot be judged here."""
    items.sort(key=_turn)
    away = missing()
    if all_are_required() or not away:
        return
    left_out = []
    for item in items:
        for name in sorted(set(away) & set(_judges(item))):
            config.stash[_NOT_RUN].setdefault(name, []).append(item.nodeid)
            if item not in left_out:
                left_out.append(item)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = set(_judges(item))
    if needed and (away := sorted(needed & set(missing()))):
        pytest.fail(f"missing: {', '.join(away)}; `make judges` installs it", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = session.config.stash[_NOT_RUN]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker what it left out: each of them collects everything."""
    node.config.stash[_NOT_RUN] |= getattr(node, "workeroutput", {}).get("not_run", {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, tests in sorted(config.stash[_NOT_RUN].items()):
        terminalreporter.section(f"not run, since {name} is missing: {len(tests)} tests")
        for test in tests:
            terminalreporter.line(test)
        terminalreporter.line("`make judges` installs it where it may")


def _turn(item: pytest.Item) -> int:
    parts = item.path.parts
    return next((i for i, name in enumerate(_LONGEST_FIRST) if name in parts), len(_LONGEST_FIRST))


def _judges(item: pytest.Item) -> Iterable[str]:
    for marker in item.iter_markers("judge"):
        yield from marker.args
