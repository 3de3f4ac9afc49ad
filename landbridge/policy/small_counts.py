"""Small counts about persons, hidden: a count of one or two can tell who is meant."""

from collections.abc import Iterable
from typing import Final

from landbridge.subject import SubjectKind

SMALLEST_SHOWN: Final = 5
"""The smallest count about persons that is shown as it is."""


def shown_count(count: int, kind: SubjectKind) -> str:
    """Write a count for readers; of persons, one below 5 as `fewer than 5`."""
    if is_hidden(count, kind):
        return f"fewer than {SMALLEST_SHOWN}"
    return str(count)


def shown_total(parts: Iterable[int], kind: SubjectKind) -> str:
    """Write the total of counts that are shown beside it.

    Where one of them is hidden the total is too, as whoever subtracts the others would have it.
    """
    counts = list(parts)
    shown = [count for count in counts if not is_hidden(count, kind)]
    hidden = len(counts) - len(shown)
    if not hidden:
        return shown_count(sum(counts), kind)
    if shown:
        return f"at least {sum(shown)}"
    return f"fewer than {hidden * SMALLEST_SHOWN}"


def is_hidden(count: int, kind: SubjectKind) -> bool:
    """Whether a count is too small to be shown."""
    return kind is SubjectKind.NATURAL_PERSON and count < SMALLEST_SHOWN
