"""Fetching from a gateway that gives too much, too little or something else: it comes to an end."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from landbridge.commands.memo import document_line
from landbridge.commands.memo.document_line import DocumentLine
from landbridge.library.kinds import Kind, digest_of
from landbridge.rpc.documents import Listed

DOCUMENTS = {digest_of(b"%d" % number): b"%d" % number for number in range(250)}
WANTED = [Listed(Kind.NOTICE, "m", digest) for digest in DOCUMENTS]


def few(asked: Sequence[str]) -> list[bytes]:
    return [DOCUMENTS[digest] for digest in asked[:7]]


def all_at_once(asked: Sequence[str]) -> list[bytes]:
    return [DOCUMENTS[digest] for digest in asked]


def something_else(_: Sequence[str]) -> list[bytes]:
    return [b"something else"]


def nothing(_: Sequence[str]) -> list[bytes]:
    return []


@pytest.mark.parametrize(
    ("give", "count"), [(few, 250), (all_at_once, 250), (something_else, 0), (nothing, 0)]
)
async def test_fetching_ends_with_what_is_given(
    monkeypatch: pytest.MonkeyPatch, give: Callable[[Sequence[str]], list[bytes]], count: int
) -> None:
    calls = 0

    async def get(_: object, asked: Sequence[str]) -> list[bytes]:
        nonlocal calls
        calls += 1
        assert calls < 100
        return give(asked)

    monkeypatch.setattr(document_line, "get_documents", get)
    line = DocumentLine.__new__(DocumentLine)
    line._channel = SimpleNamespace(channel=None)  # type: ignore[assignment]
    found = await line.fetch(WANTED)
    assert found == list(DOCUMENTS.values())[:count]
