"""What an append acknowledged survives `kill -9`; from a full disk the log recovers by itself."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log.database import LogDatabase
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from tests.unit.log.conftest import ORIGIN

WRITER = """
import sys
from pathlib import Path
from landbridge.keys import SigningKey
from landbridge.log.store import LogStore

log = LogStore.open(Path(sys.argv[1]), {origin!r}, SigningKey.load(Path(sys.argv[2])))
print(log.size, flush=True)
while True:
    entries = [b"entry %d" % (log.size + number) for number in range(1 + log.size * 7 % 90)]
    log.append(entries)
    print(log.size, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 2, 5, 40, 120])
def test_an_acknowledged_entry_survives_a_kill(
    path: Path, tmp_path: Path, key: SigningKey, acknowledged: int
) -> None:
    key.save(tmp_path / "log.key")
    command = [sys.executable, "-c", WRITER.format(origin=ORIGIN), path, tmp_path / "log.key"]
    sizes = [0]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert int(writer.stdout.readline()) >= sizes[-1]
            sizes += [int(writer.stdout.readline()) for _ in range(acknowledged)]
            os.kill(writer.pid, signal.SIGKILL)
            sizes += [int(line) for line in writer.stdout if line.endswith("\n")]
    log = LogStore.open(path, ORIGIN, key)
    assert log.size >= sizes[-1] > 0
    assert list(log.entries_backwards()) == [
        (number, b"entry %d" % number) for number in reversed(range(log.size))
    ]
    assert log.append([b"next"])[0].index == log.size - 1
    log.close()


def test_what_is_committed_is_on_the_disk(open_log: Callable[..., LogStore], path: Path) -> None:
    """No test sees the power go: so the setting that waits for the disk is looked at."""
    database = open_log()._writer
    assert isinstance(database, LogDatabase)
    with database.reading() as connection:
        found = connection.execute("PRAGMA synchronous").fetchall()
    with database.writing() as connection:
        found += connection.execute("PRAGMA synchronous").fetchall()
    file = WitnessFile.open(path.parent)
    found += file.read("PRAGMA synchronous")
    file.close()
    full = 2
    assert found == [(full,)] * 3


def can_mount() -> bool:
    return os.geteuid() == 0 and shutil.which("mount") is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own; for users who may not mount, a folder like any other."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = can_mount() and subprocess.run(mount, check=False).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path | None:
    """Fill a small file system but for some bytes; one that is not small cannot be filled."""
    if os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize > 1 << 20:
        return None
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    ballast.write_bytes(bytes(max(0, free - left)))
    return ballast


def assert_full(log: LogStore, batch: list[bytes]) -> None:
    """Append until the disk refuses, and see that the refused batch has left no trace."""
    while True:
        size, head = log.size, log.head()
        try:
            log.append(batch)
        except LandbridgeError as error:
            assert error.reason is Reason.LOG_UNAVAILABLE  # noqa: PT017 - most rounds do not raise
            break
    assert (log.size, log.head()) == (size, head)


@pytest.mark.parametrize("left", [0, 4096, 20_000, 100_000])
def test_a_full_disk(small_disk: Path, key: SigningKey, left: int) -> None:
    path = small_disk / "log.sqlite"
    log = LogStore.open(path, ORIGIN, key)
    batch = [bytes([number]) * 300 for number in range(64)]
    log.append(batch)
    ballast = fill(small_disk, left)
    if ballast is None:
        fill_by_limit(path, key)
    else:
        assert_full(log, batch)
        assert_full(log, [b"small"])
        ballast.unlink()
    size = log.size
    assert log.append(batch)[0].index == size
    log.check()
    log.close()
    again = LogStore.open(path, ORIGIN, key)
    again.check()
    assert again.size == log.size
    again.close()


LIMITED = """
import resource, sys
from pathlib import Path
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log.store import LogStore

path = Path(sys.argv[1])
log = LogStore.open(path, {origin!r}, SigningKey.load(Path(sys.argv[2])))
batch = [bytes([number]) * 300 for number in range(64)]
log.append(batch)
before = log.size
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, unlimited[1]))
for _ in range(3):
    try:
        while True:
            size, head = log.size, log.head()
            log.append(batch)
    except LandbridgeError as error:
        assert error.reason is Reason.LOG_UNAVAILABLE, error
        assert (log.size, log.head()) == (size, head)
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
assert log.append(batch)[0].index == size
log.check()
assert before <= size
print(log.size)
"""


def fill_by_limit(path: Path, key: SigningKey) -> None:
    """Let a process of its own meet a limit on the size of files, which SQLite sees as no space."""
    key_file = path.with_name("log.key")
    key.save(key_file)
    script = textwrap.dedent(LIMITED).format(origin=ORIGIN)
    command = [sys.executable, "-c", script, path, key_file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_limit_on_the_size_of_files(path: Path, key: SigningKey) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    fill_by_limit(path, key)
    log = LogStore.open(path, ORIGIN, key)
    log.check()
    assert log.size % 64 == 0
    log.close()


def test_no_space_for_a_new_log(small_disk: Path, key: SigningKey) -> None:
    ballast = fill(small_disk, 4096)
    if ballast is not None:
        with pytest.raises(LandbridgeError) as caught:
            LogStore.open(small_disk / "log.sqlite", ORIGIN, key)
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
        assert [file.name for file in small_disk.iterdir()] == ["ballast"]
        ballast.unlink()
    log = LogStore.open(small_disk / "log.sqlite", ORIGIN, key)
    assert log.append([b"one"])[0].index == 0
    log.close()
