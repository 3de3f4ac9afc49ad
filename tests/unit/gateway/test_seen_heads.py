"""What the gateway has seen of the nodes' logs is known after a restart, and after kill -9."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.seen_heads import SeenHeads
from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.v1 import log_pb2
from tests.witnessing import Town, bring, fill, origin_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def head(town: Town, agency: str, size: int) -> bytes:
    return town.signed(agency, size, bytes(32))


def profile(log: LogStore, *heads: bytes) -> None:
    """Log a profile that heard of logs."""
    heard = [log_pb2.Heard(checkpoint=one) for one in heads]
    log.append([log_pb2.LogEntry(heard=heard).SerializeToString()])


def test_sizes_are_known_from_the_file_the_log_and_what_was_cosigned(town: Town) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    a, b, food = origin_of("a"), origin_of("b"), origin_of("food")
    for agency in "ab":
        town.key(agency)
    seen = SeenHeads(log, file, town.past_keys)
    assert dict(seen.sizes.sizes) == {}
    seen.sizes.saw(a, 7, head(town, "a", 7))
    profile(log, head(town, "a", 7))
    seen.keep()
    # Killed before the next second: the log alone tells of these.
    profile(log, head(town, "a", 5), head(town, "b", 3))
    profile(log, head(town, "b", 9), b"no head")
    log.append([b"\xff no entry of ours"])
    store = town.log("food")
    fill(store, 4)
    bring(store, town.witness("exchange"), 0)
    again = SeenHeads(log, file, town.past_keys)
    assert dict(again.sizes.sizes) == {a: 7, b: 9, food: 4}
    again.keep()
    assert file.heard() == ({a: (7, head(town, "a", 7))}, 1)
    again.sizes.saw(b, 10, head(town, "b", 10))
    again.keep()
    heard, until = file.heard()
    assert {origin: size for origin, (size, _) in heard.items()} == {a: 7, b: 10, food: 4}
    assert until == 4


def test_a_log_that_was_put_back_below_what_was_written_down_loses_nothing(town: Town) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    town.key("a")
    file.keep_heard({origin_of("a"): (7, head(town, "a", 7))}, 1000)
    assert dict(SeenHeads(log, file, town.past_keys).sizes.sizes) == {origin_of("a"): 7}


def test_what_a_tainted_key_signed_is_no_size_of_its_log(town: Town) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    a, thiefs = origin_of("a"), head(town, "a", 1000)
    seen = SeenHeads(log, file, town.past_keys)
    seen.sizes.saw(a, 1000, thiefs)
    profile(log, thiefs)
    seen.keep()
    profile(log, thiefs)
    before = seen.sizes.sizes
    with pytest.raises(LandbridgeError):
        seen.sizes.check(before, a, 8)
    town.keys["a"] = [SigningKey.generate("a", KeyUse.LOG)]
    seen.sizes.check(before, a, 8)
    assert dict(seen.sizes.sizes) == {}
    profile(log, head(town, "a", 9))
    assert dict(SeenHeads(log, file, town.past_keys).sizes.sizes) == {a: 9}
    assert file.heard()[0] == {}


def test_what_is_logged_while_sizes_are_written_down_is_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, file = town.log("exchange"), town.file("exchange")
    town.key("a")
    seen = SeenHeads(log, file, town.past_keys)
    seen.sizes.saw(origin_of("a"), 7, head(town, "a", 7))
    kept = WitnessFile.keep_heard

    def slowly(self: WitnessFile, heads: Mapping[str, tuple[int, bytes]], until: int) -> None:
        profile(log, head(town, "a", 9))
        kept(self, heads, until)

    monkeypatch.setattr(WitnessFile, "keep_heard", slowly)
    sizes = type(seen.sizes).sizes

    def grown(self: SeenSizes) -> Mapping[str, int]:
        found = sizes.fget(self)  # type: ignore[attr-defined]
        profile(log, head(town, "a", 8))
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr(SeenSizes, "sizes", property(grown))
    seen.keep()
    monkeypatch.undo()
    assert dict(SeenHeads(log, file, town.past_keys).sizes.sizes) == {origin_of("a"): 9}
    assert file.heard()[1] == 0


def test_nothing_new_is_not_written_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = SeenHeads(town.log("exchange"), town.file("exchange"), town.past_keys)
    seen.sizes.saw("a", 7)
    seen.keep()
    monkeypatch.setattr(WitnessFile, "keep_heard", None)
    seen.sizes.saw("a", 7)
    seen.keep()
