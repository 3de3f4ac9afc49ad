"""docs/memoranda.md, followed word by word: from an empty folder to a memorandum's end."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from landbridge.commands.main import run
from tests.example import ROOT

PAGE = (ROOT / "docs" / "memoranda.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^(?:`(\S+)`\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UP = "landbridge up town"
CITY_KEY = Path(".landbridge/parties/city/requester-main/keys/memorandum.key")
FOLLOWED = ("landbridge profile ", "landbridge memo status ")
"""Commands that ask how things stand: what was done before shows in them after a moment."""
DEADLINE_S = 30.0
Captured = pytest.CaptureFixture[str]


def words(text: str) -> str:
    """Leave out how lines are broken and tables drawn."""
    return " ".join(re.sub("[┏┓┡┩└┘━┳╇┴┃│─]+", " ", text).split())


def matches(printed: str, shown: str) -> bool:
    """Hold what was printed against what the page shows; … stands for anything."""
    pattern = ".*?".join(re.escape(part.strip()) for part in words(shown).split("…"))
    return re.fullmatch(pattern.replace("\\ .*?", ".*?"), words(printed)) is not None


def exchanges(text: str) -> Iterator[tuple[str, str]]:
    """Take a console apart into commands and what each of them prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


@contextmanager
def federation() -> Iterator[str]:
    """Run the federation of the page as its reader does, until the page is done."""
    with Path("up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "landbridge.commands.main", *shlex.split(UP)[1:]], stderr=log
        )
        try:
            deadline = time.monotonic() + DEADLINE_S * 2
            while "Next, " not in Path("up.log").read_text():
                assert process.poll() is None, Path("up.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield Path("up.log").read_text()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def do(command: str, capsys: Captured) -> tuple[str, str]:
    """Do what a line of a console says, and return what it prints: all of it, and its data."""
    if not command.startswith("landbridge "):
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout, done.stdout
    command, _, file = command.partition(" > ")
    run(shlex.split(command)[1:])
    printed = capsys.readouterr()
    if file:
        Path(file).write_text(printed.out, encoding="utf-8")
    out = "" if file else printed.out
    return printed.err + out, out


def do_as_shown(command: str, shown: str, capsys: Captured) -> None:
    """Do it, and where it only asks how things stand, again until they stand as shown."""
    deadline = time.monotonic() + (DEADLINE_S if command.startswith(FOLLOWED) else 0)
    while True:
        printed = do(command, capsys)
        if any(matches(each, shown) for each in printed):
            return
        assert time.monotonic() < deadline, f"$ {command}\n{printed[0]}"
        time.sleep(0.5)


def test_the_page_can_be_followed_word_by_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    done = 0
    before, after = PAGE.split("$ " + UP, 1)
    for page in (before,):
        done += follow(page, capsys)
    with federation() as said:
        shown, _, after = after.partition("```\n")
        assert matches(said, shown)
        done += follow(after, capsys)
    assert done == PAGE.count("\n$ ") - 1


def follow(page: str, capsys: Captured) -> int:
    """Write the files of a part of the page, and do its commands, in order."""
    done = 0
    moments: dict[str, str] = {}
    for name, kind, text in BLOCKS.findall(page):
        if name:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        for command, shown in exchanges(text) if kind == "console" else ():
            real, expected = (here(part, moments) for part in (command, shown))
            if command.startswith("date "):
                moments[shown.strip()] = do(command, capsys)[0].strip()
            else:
                do_as_shown(real, expected, capsys)
            done += 1
    return done


def here(text: str, moments: Mapping[str, str]) -> str:
    """Put this federation's key and this day's moments in the place of the page's."""
    for shown, real in moments.items():
        text = text.replace(shown, real)
    if CITY_KEY.exists():
        text = text.replace("city/memorandum/1f2e3d4c", CITY_KEY.read_text().split()[1])
    return text
