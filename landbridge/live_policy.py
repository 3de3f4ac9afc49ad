"""What a party's memoranda allow, as its library is at this moment.

Times at which clauses begin or end need no news: the policy holds them all.
"""

from collections.abc import Callable, Iterable

from landbridge.library.shelf import Shelf
from landbridge.library.store import Library
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice
from landbridge.policy.authorization import Policy

Make = Callable[[Iterable[Memorandum], Iterable[Notice]], Policy]


class LivePolicy:
    """The policy that follows a library. Call it for the policy of now; thread-safe.

    `make` makes a policy of memoranda and notices.
    """

    def __init__(self, library: Library, make: Make = Policy) -> None:
        self._make = make
        self._shelf = library.shelf
        self._policy = self._policy_of(library.shelf)
        library.subscribe(self._follow, before=True)

    def __call__(self) -> Policy:
        """Return what the memoranda allow now."""
        return self._policy

    def _follow(self, shelf: Shelf) -> None:
        before = self._shelf
        # An offer that comes changes nothing.
        if shelf.memoranda != before.memoranda or shelf.notices != before.notices:
            self._policy = self._policy_of(shelf)
        self._shelf = shelf

    def _policy_of(self, shelf: Shelf) -> Policy:
        return self._make(shelf.memoranda, shelf.notices)
