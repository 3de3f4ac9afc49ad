"""What keeps a node from taking notice of documents while an answer by a consent is logged."""

from typing import Final, Protocol

PATIENCE_S: Final = 2.0
"""How long such an answer waits for documents that are being read."""


class NoticeLock(Protocol):
    """The lock under which a node takes notice of documents."""

    def acquire(self, blocking: bool = ..., timeout: float = ...) -> bool:  # noqa: FBT001 - its form
        """Take it; false when it was not to be had within so many seconds."""

    def release(self) -> None:
        """Give it back."""
