"""A judge that is not here is named at the end of the run, and fails the run where all must be."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).with_name("test_openssl.py")


def run(empty: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run openssl's tests where no program is to be found."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "LANDBRIDGE_ALL_JUDGES", "PYTEST_ADDOPTS"}
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS],
        cwd=TESTS.parents[2],
        env=inherited | {"PATH": str(empty)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_run_ends_by_naming_what_was_not_run(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert "not run, since openssl is missing: " in done.stdout
    assert "test_openssl.py::test_revocation_list_is_understood" in done.stdout
    assert "make judges" in done.stdout
    assert "passed" not in done.stdout
    assert "failed" not in done.stdout


def test_in_ci_a_missing_judge_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, CI="true")
    assert done.returncode == 1
    assert "missing: openssl" in done.stdout
    assert "passed" not in done.stdout
