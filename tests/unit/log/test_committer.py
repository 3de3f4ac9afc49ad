"""Batches form by themselves while the disk is busy, and every caller gets what is its own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.committer import LARGEST_BATCH, Committer
from landbridge.log.store import LogStore

OpenLog = Callable[..., LogStore]


@pytest.fixture
def log(open_log: OpenLog) -> LogStore:
    return open_log()


@pytest_asyncio.fixture
async def committer(log: LogStore) -> AsyncIterator[Committer]:
    committer = Committer(log)
    yield committer
    await committer.close()


@contextmanager
def busy_disk(path: Path) -> Iterator[None]:
    """Keep the log's writer waiting, as a slow disk would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def settled() -> None:
    """Let tasks run as far as they come without the disk."""
    for _ in range(5):
        await asyncio.sleep(0)


def move(file: Path, to: Path) -> None:
    file.rename(to)


async def test_one_entry(committer: Committer, log: LogStore) -> None:
    evidence = await committer.append(b"one")
    assert evidence.entry == b"one" == log.entry(evidence.index)
    assert evidence.checkpoint == log.head()


async def test_what_arrives_together_is_one_batch(committer: Committer, log: LogStore) -> None:
    entries = [b"%d" % number for number in range(100)]
    evidence = await asyncio.gather(*map(committer.append, entries))
    assert [one.entry for one in evidence] == entries
    assert {one.checkpoint for one in evidence} == {log.head()}
    assert [one.index for one in evidence] == list(range(100))


async def test_what_arrives_while_a_batch_commits_is_the_next_batch(
    committer: Committer, path: Path
) -> None:
    with busy_disk(path):
        first = asyncio.create_task(committer.append(b"first"))
        await settled()
        rest = [asyncio.create_task(committer.append(b"%d" % number)) for number in range(50)]
        await settled()
        assert not first.done()
    heads = {(await one).checkpoint for one in rest}
    assert len(heads) == 1
    assert (await first).checkpoint not in heads


async def test_groups_stay_together(committer: Committer, log: LogStore) -> None:
    groups = [[b"%d/%d" % (group, number) for number in range(group)] for group in range(12)]
    results = await asyncio.gather(*map(committer.append_all, groups))
    for group, evidence in zip(groups, results, strict=True):
        assert [one.entry for one in evidence] == group
        assert len({one.checkpoint for one in evidence}) <= 1
        assert [log.entry(one.index) for one in evidence] == group


async def test_a_batch_is_bounded(committer: Committer, log: LogStore) -> None:
    entries = [b"%d" % number for number in range(LARGEST_BATCH + 10)]
    evidence = await asyncio.gather(*map(committer.append, entries))
    assert len({one.checkpoint for one in evidence}) == 2
    assert log.size == len(entries)


async def test_a_full_queue_refuses_and_recovers(log: LogStore, path: Path) -> None:
    committer = Committer(log, most_waiting=10)
    with busy_disk(path):
        first = asyncio.create_task(committer.append(b"first"))
        await settled()
        waiting = [asyncio.create_task(committer.append(b"more")) for _ in range(10)]
        await settled()
        with pytest.raises(LandbridgeError) as caught:
            await committer.append(b"too many")
        assert caught.value.reason is Reason.BUSY
    await asyncio.gather(first, *waiting)
    await committer.append(b"again")
    assert log.size == 12
    await committer.close()


async def test_a_failing_disk_fails_the_batch_and_no_later_one(
    committer: Committer, log: LogStore, path: Path
) -> None:
    await committer.append(b"before")
    away = path.with_name("away.sqlite")
    move(path, away)
    results = await asyncio.gather(
        *(committer.append(b"%d" % number) for number in range(5)), return_exceptions=True
    )
    assert {getattr(one, "reason", None) for one in results} == {Reason.LOG_UNAVAILABLE}
    move(away, path)
    assert (await committer.append(b"after")).index == 1
    assert log.size == 2


async def test_an_oversized_entry_is_refused_alone(committer: Committer) -> None:
    results = await asyncio.gather(
        committer.append(b"good"), committer.append(b"x" * 65_536), return_exceptions=True
    )
    assert [getattr(one, "reason", None) for one in results] == [None, Reason.MALFORMED_REQUEST]


async def test_a_caller_that_gives_up_leaves_its_entry_and_disturbs_nobody(
    committer: Committer, log: LogStore, path: Path
) -> None:
    with busy_disk(path):
        tasks = [asyncio.create_task(committer.append(b"%d" % number)) for number in range(3)]
        await settled()
        tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert log.size == 3
    assert log.entry(1) == b"1"


async def test_entries_on_subjects_are_named_batch_by_batch(
    open_naming: OpenLog, path: Path
) -> None:
    log = open_naming()
    committer = Committer(log)
    with busy_disk(path):
        tasks = [
            asyncio.create_task(
                committer.append_about(
                    ("ope", str(number % 3), 1_795_000_000_000), lambda name: name.value, size=16
                )
            )
            for number in range(30)
        ]
        tasks.append(asyncio.create_task(committer.append(b"on nobody")))
        await settled()
    evidence = await asyncio.gather(*tasks)
    assert evidence[-1].entry == b"on nobody"
    for subject in range(3):
        (found,) = log.subjects.find("ope", str(subject))
        mine = [one for one in evidence[subject:30:3] if one.entry == found.value]
        assert sorted(log.positions([found], limit=99)) == sorted(one.index for one in mine)
        assert len(mine) == 10
    with pytest.raises(LandbridgeError) as caught:
        await committer.append_about(("ope", "1", 0), lambda name: name.value, size=70_000)
    assert caught.value.reason is Reason.MALFORMED_REQUEST
    await committer.close()


async def test_a_writer_that_fails_fails_its_own_batch_alone(open_naming: OpenLog) -> None:
    log = open_naming()
    committer = Committer(log)
    with pytest.raises(ZeroDivisionError):
        await committer.append_about(("ope", "1", 0), lambda _: b"%d" % (1 // 0), size=9)
    assert (await committer.append(b"next")).index == 0
    await committer.close()


async def test_closing_commits_what_waits_and_takes_no_more(log: LogStore) -> None:
    committer = Committer(log)
    tasks = [asyncio.create_task(committer.append(b"%d" % number)) for number in range(20)]
    await settled()
    await committer.close()
    assert log.size == 20
    await asyncio.gather(*tasks)
    with pytest.raises(LandbridgeError) as caught:
        await committer.append(b"late")
    assert caught.value.reason is Reason.LOG_UNAVAILABLE
    assert await Committer(log).append_all([]) == []
