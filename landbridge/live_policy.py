"""What a party's memoranda allow, as its library is at this moment.

Times at which clauses begin or end need no news: the policy holds them all.
"""

from landbridge.library.shelf import Shelf
from landbridge.library.store import Library
from landbridge.policy.authorization import Policy


class LivePolicy:
    """The policy that follows a library. Call it for the policy of now; thread-safe."""

    def __init__(self, library: Library) -> None:
        self._policy = _policy_of(library.shelf)
        library.subscribe(self._follow)

    def __call__(self) -> Policy:
        """Return what the memoranda allow now."""
        return self._policy

    def _follow(self, shelf: Shelf) -> None:
        self._policy = _policy_of(shelf)


def _policy_of(shelf: Shelf) -> Policy:
    return Policy(shelf.memoranda, shelf.notices)
