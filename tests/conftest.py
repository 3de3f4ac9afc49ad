"""For all tests: which TLS suites there are, and which outside judges."""

from collections.abc import Iterable

import pytest

# Before any test imports gRPC: the package sets which TLS suites gRPC may use.
import landbridge  # noqa: F401
from tests.judges.judge import all_are_required, missing

_NOT_RUN = pytest.StashKey[dict[str, list[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "judge(name, ...): needs outside judges, see tests/judges/judge.py"
    )
    config.stash[_NOT_RUN] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be judged here; the summary names it."""
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


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, tests in sorted(config.stash[_NOT_RUN].items()):
        terminalreporter.section(f"not run, since {name} is missing: {len(tests)} tests")
        for test in tests:
            terminalreporter.line(test)
        terminalreporter.line("`make judges` installs it where it may")


def _judges(item: pytest.Item) -> Iterable[str]:
    for marker in item.iter_markers("judge"):
        yield from marker.args
