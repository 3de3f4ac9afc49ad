"""The outside judges: which programs they are, whether they are here, and how to get them.

`python -m tests.judges.judge` installs what is missing where it may, and never fails: as root from
the system's packages, else into build/judges alone. What it could not install, the test run names.
A stamp keeps it from trying again until what is wanted changes; `--again` tries all the same.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "judges"
SSLYZE = BUILD / "sslyze"
NODE_MODULES = BUILD / "node_modules"
GO_PATH = Path("/usr/share/gocode")
GO_TLOG = GO_PATH / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"
_WANTED = ("requirements.txt", "package.json", "package-lock.json", "judge.py")
_LONGEST_INSTALL_S = 300


@dataclass(frozen=True)
class Judge:
    """A program that judges from outside: how to see that it is here, and how to install it."""

    is_here: Callable[[], bool]
    install: Callable[[], None]


def faketime_library() -> Path | None:
    """Return the library that shows a process another time, preloaded into it, if it is here."""
    folders = (Path("/usr/lib/faketime"), *sorted(Path("/usr/lib").glob("*-linux-*/faketime")))
    found = [folder / "libfaketimeMT.so.1" for folder in folders]
    return next((library for library in found if library.exists()), None)


def _has_mariadb() -> bool:
    # Where Debian puts it, not every user looks for programs.
    return shutil.which("mariadbd") is not None or Path("/usr/sbin/mariadbd").exists()


def all_are_required() -> bool:
    """Tell whether a missing judge fails the run, as it does in CI, rather than being named."""
    return any(
        os.environ.get(name, "") not in {"", "0"} for name in ("CI", "LANDBRIDGE_ALL_JUDGES")
    )


def missing() -> tuple[str, ...]:
    """Name the judges that are not here."""
    return tuple(name for name, judge in JUDGES.items() if not judge.is_here())


def _run(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=_LONGEST_INSTALL_S,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )


def _from_system(*packages: str) -> Callable[[], None]:
    def install() -> None:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            _run("apt-get", "update", "-qq")
            _run("apt-get", "install", "-qq", "--no-install-recommends", *packages)

    return install


def _install_sslyze() -> None:
    # An environment of its own: it holds cryptography at an older version than ours.
    _run(sys.executable, "-m", "venv", SSLYZE)
    pip = (SSLYZE / "bin" / "python", "-m", "pip", "install", "--quiet")
    _run(*pip, "--disable-pip-version-check", "-r", HERE / "requirements.txt")


def _install_npm_packages() -> None:
    if not shutil.which("npm"):
        _from_system("nodejs", "npm")()
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, BUILD / name)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=BUILD)


def _install_pkilint() -> None:
    constraints = HERE.parents[1] / "constraints.txt"
    _run(sys.executable, "-m", "pip", "install", "--quiet", "-c", constraints, "pkilint")


JUDGES = {
    "openssl": Judge(lambda: shutil.which("openssl") is not None, _from_system("openssl")),
    "pkilint": Judge(
        lambda: importlib.util.find_spec("pkilint") is not None,
        _install_pkilint,
    ),
    "sslyze": Judge((SSLYZE / "bin" / "sslyze").exists, _install_sslyze),
    "grpc-js": Judge(
        lambda: shutil.which("node") is not None and (NODE_MODULES / "@grpc" / "grpc-js").exists(),
        _install_npm_packages,
    ),
    # Readers of the exchange formats: JSON-LD, JOSE, FollowTheMoney, Table Schema.
    "standards": Judge(
        lambda: shutil.which("node") is not None and (NODE_MODULES / "tableschema").exists(),
        _install_npm_packages,
    ),
    # Go's own verifiable logs (golang.org/x/mod/sumdb): notes, trees, tiles and proofs.
    "go-tlog": Judge(
        lambda: shutil.which("go") is not None and GO_TLOG.exists(),
        _from_system("golang-go", "golang-golang-x-mod-dev"),
    ),
    "mariadb": Judge(_has_mariadb, _from_system("mariadb-server-core")),
    "faketime": Judge(lambda: faketime_library() is not None, _from_system("faketime")),
}


def _wanted() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _WANTED)).hexdigest()


def main(arguments: Sequence[str]) -> None:
    """Install the missing judges, quietly, unless that was tried before."""
    stamp = BUILD / ".tried"
    tried = stamp.exists() and stamp.read_text() == _wanted()
    if tried and not all_are_required() and "--again" not in arguments:
        return
    for name in missing():
        print(f"installing {name}, an outside judge of the tests", flush=True)  # noqa: T201
        try:
            JUDGES[name].install()
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", None) or b""
            why = output.decode(errors="replace").strip().splitlines()[-1:] or [str(error)]
            print(f"{name} could not be installed: {why[0]}", flush=True)  # noqa: T201
    BUILD.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_wanted())


if __name__ == "__main__":
    main(sys.argv[1:])
