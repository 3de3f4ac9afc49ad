"""The signing key of a running process: it follows its file, and no bad file takes its place."""

import os
import time
from pathlib import Path

import pytest

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.live_key import LiveKey

FIRST, SECOND = (SigningKey.generate("board.ny", KeyUse.QUERY) for _ in range(2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "query.key"
    FIRST.save(path)
    return path


def alarms(told: list[Reason | str]) -> Alarms:
    """Note the reason of each alarm, and an empty text when it is over."""

    def tell(kind: str, why: LandbridgeError | str) -> None:
        assert kind == "query key"
        told.append(why if isinstance(why, str) else why.reason)

    return Alarms(tell)


def test_the_next_key_signs_as_soon_as_it_lies_there(path: Path) -> None:
    live = LiveKey(path, alarms=alarms([]))
    assert live().key_id == FIRST.key_id
    assert live() is live()
    waiting = path.with_name("query.next.key")
    SECOND.save(waiting)
    assert live().key_id == FIRST.key_id
    waiting.replace(path)
    assert live().key_id == SECOND.key_id


def test_a_key_written_in_place_signs_though_its_time_is_set_back(path: Path) -> None:
    live = LiveKey(path, alarms=alarms([]))
    former = path.stat()
    waiting = path.with_name("query.next.key")
    SECOND.save(waiting)
    assert waiting.stat().st_size == former.st_size
    time.sleep(0.02)  # the disk's clock ticks
    path.write_bytes(waiting.read_bytes())
    os.utime(path, ns=(former.st_atime_ns, former.st_mtime_ns))
    assert live().key_id == SECOND.key_id


def test_a_bad_file_is_told_once_and_replaces_nothing(path: Path) -> None:
    told: list[Reason | str] = []
    live = LiveKey(path, alarms=alarms(told))
    good = path.read_bytes()
    for spoiled in (b"", b"garbage", good[:-40], good.replace(b"query/", b"log/")):
        path.write_bytes(spoiled)
        assert [live().key_id, live().key_id] == [FIRST.key_id] * 2
    path.unlink()
    assert live().key_id == FIRST.key_id
    assert told == [Reason.INVALID_CONFIGURATION]
    SECOND.save(path)
    assert live().key_id == SECOND.key_id
    assert told == [Reason.INVALID_CONFIGURATION, ""]


@pytest.mark.parametrize(
    "stranger",
    [SigningKey.generate("board.ny", KeyUse.MEMORANDUM), SigningKey.generate("va", KeyUse.QUERY)],
    ids=["another use", "another agency"],
)
def test_a_strangers_key_is_refused(path: Path, stranger: SigningKey) -> None:
    told: list[Reason | str] = []
    live = LiveKey(path, alarms=alarms(told))
    stranger.save(path)
    assert live().key_id == FIRST.key_id
    assert told == [Reason.INVALID_CONFIGURATION]


def test_a_key_that_others_may_read_is_refused_until_it_is_put_right(path: Path) -> None:
    told: list[Reason | str] = []
    live = LiveKey(path, alarms=alarms(told))
    SECOND.save(path)
    path.chmod(0o644)
    assert live().key_id == FIRST.key_id
    assert told == [Reason.KEY_EXPOSED]
    path.chmod(0o600)
    assert live().key_id == SECOND.key_id
    assert told == [Reason.KEY_EXPOSED, ""]


def test_there_must_be_a_key_to_begin_with(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        LiveKey(tmp_path / "query.key", alarms=alarms([]))
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
