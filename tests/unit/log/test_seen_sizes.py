"""Sizes that were seen: a log that only grows is never accused, one that was put back always is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.seen_sizes import SeenSizes, check_not_rolled_back

LOG = "tax.town.example/node/main"
EVENTS = st.lists(
    st.tuples(st.sampled_from(["ask", "log", "answer", "head"]), st.integers(0, 50)), max_size=60
)


@given(events=EVENTS)
def test_answers_in_any_order_of_a_log_that_only_grows_are_no_alarm(
    events: list[tuple[str, int]],
) -> None:
    """Questions are asked, logged in any order, and answered in any other, by batches of any size.

    An answer carries the head of its batch, which is larger than its index.
    """
    seen = SeenSizes()
    size = 0
    asked, logged = [], []
    for what, number in events:
        if what == "ask":
            asked.append(seen.sizes)
        elif what == "head":
            seen.saw(LOG, size)
        elif what == "log" and asked:
            batch = [asked.pop(number % len(asked)) for _ in range(min(len(asked), 1 + number % 3))]
            first, size = size, size + len(batch)
            logged += [(before, index, size) for index, before in enumerate(batch, first)]
        elif what == "answer" and logged:
            before, index, head = logged.pop(number % len(logged))
            seen.saw(LOG, head)
            check_not_rolled_back(before, LOG, index)
    assert seen.sizes.get(LOG, 0) <= size


@given(grown=st.integers(1, 1 << 62), back=st.integers(0, 1 << 62), other=st.text(max_size=8))
def test_a_log_that_was_put_back_is_refused_until_it_has_grown_past_what_was_seen(
    grown: int, back: int, other: str
) -> None:
    seen = SeenSizes({LOG: 0})
    seen.saw(LOG, grown)
    before = seen.sizes
    seen.saw(LOG, back)
    assert before[LOG] == grown
    assert seen.sizes[LOG] == max(grown, back)
    check_not_rolled_back(before, f"not {other}", 0)
    if back >= grown:
        check_not_rolled_back(before, LOG, back)
    else:
        with pytest.raises(LandbridgeError) as caught:
            check_not_rolled_back(before, LOG, back)
        assert caught.value.reason is Reason.LOG_ROLLED_BACK


def test_several_threads_lose_no_size() -> None:
    seen = SeenSizes()

    def see(start: int) -> None:
        for size in range(start, 4000, 4):
            seen.saw(f"log {size % 7}", size)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(see, range(4)))
    assert dict(seen.sizes) == {
        f"log {rest}": max(size for size in range(4000) if size % 7 == rest) for rest in range(7)
    }
