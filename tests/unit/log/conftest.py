"""What the tests of the log share: a key, an origin and a folder on the disk."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore

ORIGIN = "fsa.ed.institutions.example/node/main"


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate("fsa.ed", KeyUse.LOG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def open_log(path: Path, key: SigningKey) -> Iterator[Callable[..., LogStore]]:
    """Open logs, by default always the same one, and close them in the end."""
    opened: list[LogStore] = []

    def open_one(
        at: Path = path, origin: str = ORIGIN, look_up_key: bytes | None = None
    ) -> LogStore:
        opened.append(LogStore.open(at, origin, key, look_up_key=look_up_key))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def open_naming(open_log: Callable[..., LogStore]) -> Callable[..., LogStore]:
    """Open logs that name subjects."""
    return partial(open_log, look_up_key=bytes(range(32)))
