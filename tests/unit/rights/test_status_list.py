"""Status lists: exact for every entry, signed by the log, refused when altered or old."""

import base64
import re
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.library.kinds import Kind
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.note import NoteSigner, parse_note
from landbridge.rights.status_list import (
    MOST_ENTRIES,
    VALID_MS,
    StatusList,
    is_status_list,
    verify_status_list,
    write_status_list,
)
from node.status_list import StatusLists
from tests.bundles import bundle
from tests.corrections import LOG, QUERY, key, notices, now, refused
from tests.libraries import PartyDesk
from tests.mutations import mutations
from tests.pki import BOARD, REGISTRY


def signed(text: str, origin: str = LOG) -> bytes:
    return NoteSigner(origin, key(REGISTRY, KeyUse.LOG)).sign(text)


def made(size: int, *superseded: int) -> bytes:
    return signed(write_status_list(LOG, size, superseded, now()))


def opened(data: bytes) -> StatusList:
    return verify_status_list(data, bundle())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.sets(st.integers(0, 500), max_size=20))
def test_every_entry_is_told_exactly(size: int, superseded: set[int]) -> None:
    found = opened(made(size, *superseded))
    assert {index for index in range(size) if found.is_superseded(index)} == {
        index for index in superseded if index < size
    }
    assert found.superseded == sum(index < size for index in superseded)
    for beyond in (-1, size):
        with refused(Reason.BAD_STATUS_LIST):
            found.is_superseded(beyond)


def test_a_list_is_small_however_long_the_log() -> None:
    data = made(10_000_000, *range(0, 10_000_000, 100_000))
    assert len(data) < 16_000
    assert opened(data).superseded == 100


def test_a_list_is_no_head_and_a_head_no_list() -> None:
    data = made(9, 3)
    assert is_status_list(data)
    with refused(Reason.BAD_LOG_EVIDENCE):
        read_checkpoint(parse_note(data))


def test_it_is_good_for_a_day_and_not_before_it_was_issued() -> None:
    found = opened(made(1))
    found.check_fresh(now())
    found.check_fresh(found.valid_until - 1)
    for at in (found.valid_until, now() - 120_000):
        with refused(Reason.BAD_STATUS_LIST):
            found.check_fresh(at)


def _packed(bits: bytes) -> str:
    return base64.b64encode(zlib.compress(bits)).decode()


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (2, "17"),
        (2, "8"),
        (2, str(MOST_ENTRIES + 1)),
        (2, "09"),
        (3, "2020-02-30T00:00:00Z"),
        (4, "2099-01-01T00:00:00Z"),
        (5, _packed(bytes(3))),
        (5, _packed(b"\x00\xff")),
        (5, base64.b64encode(zlib.compress(bytes(2)) + b"x").decode()),
        (5, base64.b64encode(zlib.compress(bytes(2))[:-1]).decode()),
        (5, base64.b64encode(zlib.compress(bytes(1 << 27))).decode()),
        (5, "AAAA"),
    ],
)
def test_what_is_no_list_is_refused_though_it_is_signed(place: int, line: str) -> None:
    lines = write_status_list(LOG, 9, [3], now()).split("\n")
    lines[place] = line
    with refused(Reason.BAD_STATUS_LIST):
        opened(signed("\n".join(lines)))


def test_only_the_log_itself_says_what_is_superseded() -> None:
    other = LOG.replace(REGISTRY, BOARD)
    with refused(Reason.UNTRUSTED_KEY):
        opened(signed(write_status_list(other, 9, [], now()), other))
    with refused(Reason.UNTRUSTED_KEY):
        opened(signed(write_status_list(LOG, 9, [], now()), other))
    original, trust = made(99, 5, 50), bundle()
    for altered in mutations(original, 300, seed=8):
        with suppress(LandbridgeError):
            assert verify_status_list(altered, trust) == opened(original)


def test_a_node_signs_a_list_of_what_it_has_corrected(tmp_path: Path) -> None:
    desk = PartyDesk(tmp_path)
    desk.log.append([b"entry %d" % number for number in range(10)])
    library = desk.library()
    lists = StatusLists(library, desk.log)
    first = lists.signed(now())
    assert opened(first).superseded == 0
    assert lists.signed(now() + 1000) == first
    assert lists.signed(now() + VALID_MS // 2) != first

    (notice,) = notices([(2, QUERY), (9, QUERY)])
    desk.put("one", notice.to_bytes(), Kind.CORRECTION)
    library.follow_files()
    found = opened(lists.signed(now()))
    assert [index for index in range(found.size) if found.is_superseded(index)] == [2, 9]
    # The entry on the notice itself is covered, too.
    assert found.size == 11
    assert re.match(rb"landbridge status list v1\n", lists.signed(now()))
