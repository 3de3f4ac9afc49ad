"""What the gateway has seen of the nodes' logs is known after a restart, and after kill -9."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.seen_heads import SeenHeads
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.v1 import log_pb2
from tests.witnessing import Town, bring, fill, origin_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def profile(log: LogStore, **sizes: int) -> None:
    """Log a profile that heard of logs."""
    heads = [Checkpoint(origin, size, bytes(32)) for origin, size in sizes.items()]
    heard = [log_pb2.Heard(origin=one.origin, checkpoint=one.text().encode()) for one in heads]
    log.append([log_pb2.LogEntry(heard=heard).SerializeToString()])


def test_sizes_are_known_from_the_file_the_log_and_what_was_cosigned(town: Town) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    seen = SeenHeads(log, file, town.past_keys)
    assert dict(seen.sizes.sizes) == {}
    seen.sizes.saw("a", 7)
    profile(log, a=7)
    seen.keep()
    # Killed before the next second: the log alone tells of these.
    profile(log, a=5, b=3)
    profile(log, b=9)
    log.append([b"\xff no entry of ours"])
    food = town.log("food")
    fill(food, 4)
    bring(food, town.witness("exchange"), 0)
    again = SeenHeads(log, file, town.past_keys)
    assert dict(again.sizes.sizes) == {"a": 7, "b": 9, origin_of("food"): 4}
    again.keep()
    assert file.heard() == ({"a": 7}, 1)
    again.sizes.saw("b", 10)
    again.keep()
    assert file.heard() == ({"a": 7, "b": 10, origin_of("food"): 4}, 4)


def test_a_log_that_was_put_back_below_what_was_written_down_loses_nothing(town: Town) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    file.keep_heard({"a": 7}, 1000)
    assert dict(SeenHeads(log, file, town.past_keys).sizes.sizes) == {"a": 7}


def test_nothing_new_is_not_written_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = SeenHeads(town.log("exchange"), town.file("exchange"))
    seen.sizes.saw("a", 7)
    seen.keep()
    monkeypatch.setattr(WitnessFile, "keep_heard", None)
    seen.sizes.saw("a", 7)
    seen.keep()
