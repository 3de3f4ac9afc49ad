"""Static tiles: the vectors' files, growth, readers in the middle of it, and damage."""

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log.entry_bundle import bundle_path, read_bundle, write_bundle
from landbridge.log.note import NoteVerifier
from landbridge.log.pass_through import PassThrough
from landbridge.log.publishing import Publisher, load_tree
from landbridge.log.reading import open_reader
from landbridge.log.store import LogStore
from landbridge.log.whole_log import verify_log
from tests.unit.log.conftest import ORIGIN
from tests.vectors import generate, published

OpenLog = Callable[..., LogStore]
VECTORS = json.loads((generate.FOLDER / "tiles.json").read_text())


def files(folder: Path) -> dict[str, str]:
    """Return every published file but the checkpoint: its path and SHA-256."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "checkpoint"
    }


def publish(log: Path, folder: Path, *, entries: bool = True, checkpoint: bytes = b"") -> int:
    with open_reader(log) as reader:
        return Publisher(reader, folder, entries=entries).publish(checkpoint).files


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value.reason


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Let the system refuse to write past a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_published_is_what_the_vectors_list(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log = open_log()
    for size, listed in VECTORS["logs"].items():
        log.append([generate.entry(number) for number in range(log.size, int(size))])
        publish(path, tmp_path / "once" / size)
        publish(path, tmp_path / "grown")
        assert files(tmp_path / "once" / size) == listed
        assert (tmp_path / "grown" / "checkpoint").read_bytes() == log.head()
        # What was published at a smaller size stays until its full tile is there.
        grown = files(tmp_path / "grown")
        assert listed.items() <= grown.items()
        full = {name for name in grown if ".p/" not in name}
        assert not {name for name in grown if name.partition(".p/")[0] in full - {name}}


def test_a_large_log_is_published_in_groups_of_a_thousand(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    open_log().append([generate.entry(number) for number in range(66_000)])
    publish(path, tmp_path / "tiles")
    lines = (f"{digest}  {name}\n" for name, digest in files(tmp_path / "tiles").items())
    assert (
        sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()
        == (VECTORS["listing_of_66000"])
    )
    for index, name in VECTORS["paths"].items():
        assert bundle_path(int(index), 3) == f"tile/entries/{name}.p/3"


def test_a_reader_in_the_middle_of_a_growing_log_sees_a_whole_one(
    open_log: OpenLog, path: Path, tmp_path: Path, key: SigningKey
) -> None:
    log, folder = open_log(), tmp_path / "tiles"
    sizes = [0, 1, 255, 256, 257, 511, 512, 1025]
    heads: list[bytes] = []
    before = None
    for size in sizes:
        log.append([b"%d" % number for number in range(log.size, size)])
        publish(path, folder)
        heads.append(log.head())
        if before is not None:
            # It has the head of the time before, and finds what it needs among what is there now.
            assert PassThrough(before).finish().size == before.size
            before.refresh()
            assert before.size == size
        before = before or open_reader(folder)
    with open_reader(folder) as reader:
        verified = verify_log(reader, [NoteVerifier(ORIGIN, key.public)], heads)
        assert [one.size for one in verified.continued] == sizes
        assert list(reader.entries(254, 258)) == [b"254", b"255", b"256", b"257"]


def test_an_interrupted_publication_shows_the_log_before_and_is_taken_up(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log, folder = open_log(), tmp_path / "tiles"
    log.append([b"x" * 100 for _ in range(300)])
    publish(path, folder)
    shown = files(folder)
    log.append([b"y" * 100 for _ in range(300)])
    with no_file_over(20_000):
        assert refusal(lambda: publish(path, folder)) is Reason.LOG_UNAVAILABLE
    assert not [one for one in folder.rglob(".*") if one.is_file()]
    with open_reader(folder) as reader:
        assert PassThrough(reader).finish().size == 300
    assert shown.items() <= files(folder).items()
    publish(path, folder)
    with open_reader(folder) as reader:
        assert PassThrough(reader).finish().size == 600
    assert publish(path, folder) == 0


def test_a_fork_a_smaller_log_and_another_log_are_never_published_over_it(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log, folder = open_log(), tmp_path / "tiles"
    log.append([b"%d" % number for number in range(300)])
    older = log.head()
    publish(path, folder)
    log.append([b"more"])
    publish(path, folder)
    shown = files(folder), (folder / "checkpoint").read_bytes()
    fork, other = tmp_path / "fork.sqlite", tmp_path / "other.sqlite"
    open_log(fork).append([b"%d" % number for number in range(1, 500)])
    open_log(other, "other.example/node/main").append([b"0"] * 400)
    small = tmp_path / "small.sqlite"
    open_log(small).append([b"0"])
    assert refusal(lambda: publish(fork, folder)) is Reason.LOG_FORKED
    assert refusal(lambda: publish(other, folder)) is Reason.LOG_FORKED
    assert refusal(lambda: publish(small, folder)) is Reason.LOG_ROLLED_BACK
    assert refusal(lambda: publish(path, folder, checkpoint=older)) is Reason.LOG_ROLLED_BACK
    assert refusal(lambda: publish(path, folder, entries=False)) is Reason.USAGE
    assert (files(folder), (folder / "checkpoint").read_bytes()) == shown


def test_a_log_that_is_put_back_while_it_is_published_is_noticed(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log, copy = open_log(), tmp_path / "copy"
    log.append([b"%d" % number for number in range(300)])
    log.close()
    shutil.copy(path, copy)
    log.append([b"after the copy"])
    with open_reader(path) as reader:
        publisher = Publisher(reader, tmp_path / "tiles")
        assert publisher.publish().size == 301
        log.close()
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink()
        copy.replace(path)
        reader.refresh()
        assert reader.size == 300
        assert refusal(publisher.publish) is Reason.LOG_ROLLED_BACK
        path.unlink()
        assert refusal(reader.refresh) is Reason.LOG_UNAVAILABLE


def test_a_log_that_is_rewritten_while_it_is_published_is_noticed(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log, fork = open_log(), tmp_path / "fork"
    log.append([b"%d" % number for number in range(300)])
    forked = open_log(fork)
    forked.append([b"%d" % number for number in range(1, 400)])
    forked.close()
    with open_reader(path) as reader:
        publisher = Publisher(reader, tmp_path / "tiles")
        assert publisher.publish().files
        assert publisher.publish().files == 0
        log.append([b"more"])
        reader.refresh()
        assert publisher.publish().size == 301
        log.close()
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink()
        fork.replace(path)
        reader.refresh()
        assert refusal(publisher.publish) is Reason.LOG_DAMAGED
        again = Publisher(reader, tmp_path / "tiles")
        assert refusal(again.publish) is Reason.LOG_FORKED
    with open_reader(tmp_path / "tiles") as published:
        assert PassThrough(published).finish().size == 301


def test_the_hashes_alone_prove_the_log_without_its_entries(
    open_log: OpenLog, path: Path, tmp_path: Path
) -> None:
    log, folder = open_log(), tmp_path / "tiles"
    log.append([b"%d" % number for number in range(700)])
    publish(path, folder, entries=False)
    assert not [name for name in files(folder) if "entries" in name]
    with open_reader(folder) as reader:
        assert not reader.has_entries
        assert PassThrough(reader).finish().size == 700
        path_of = load_tree(reader, 700).inclusion_path(650, 700, reader.tile)
        assert path_of == log.inclusion_proof(650, 700)
        with pytest.raises(LandbridgeError):
            next(reader.entries())


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Path:
    """A published log of 600 entries, which tests give back as it was."""
    folder = tmp_path_factory.mktemp("published")
    log = LogStore.open(folder / "log.sqlite", ORIGIN, key)
    log.append([generate.entry(number) for number in range(600)])
    publish(folder / "log.sqlite", folder / "tiles")
    log.close()
    return folder / "tiles"


def verify(folder: Path, key: SigningKey) -> None:
    with open_reader(folder) as reader:
        verify_log(reader, [NoteVerifier(ORIGIN, key.public)])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_file_can_be_changed_cut_or_taken_away_unseen(
    tiles: Path, key: SigningKey, data: st.DataObject
) -> None:
    path = tiles / data.draw(st.sampled_from(["checkpoint", *VECTORS["logs"]["600"]]))
    whole = path.read_bytes()
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        for changed in (bytes(flipped), cut, whole + b"\x00", None):
            if changed is None:
                path.unlink()
            else:
                path.write_bytes(changed)
            with pytest.raises(LandbridgeError) as caught:
                verify(tiles, key)
            assert (
                str(tiles) in caught.value.where
                or caught.value.where == ORIGIN
                or (path.name == "checkpoint")
            )
    finally:
        path.write_bytes(whole)
    verify(tiles, key)


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"\x00", 1),
        (b"\x00\x02a", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00\x01b", 1),
        (b"", 1),
        (b"\x00\x00\x00", 1),
    ],
)
def test_what_is_not_a_bundle_is_refused(data: bytes, width: int) -> None:
    assert refusal(lambda: read_bundle(data, width)) is Reason.LOG_DAMAGED


def test_bundles_hold_any_entries_up_to_65535_bytes() -> None:
    entries = [b"", b"a", bytes(65_535), b"\xff" * 256]
    assert read_bundle(write_bundle(entries), 4) == entries
    assert refusal(lambda: write_bundle([bytes(65_536)])) is Reason.MALFORMED_REQUEST
    three = b"".join(map(published.bundle, range(3)))
    assert three.hex() == VECTORS["bundle_of_three"]
    assert read_bundle(three, 3) == [generate.entry(number) for number in range(3)]
