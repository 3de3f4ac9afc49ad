"""What a party's memoranda allow, by the trust of this moment.

A memorandum counts only while the keys that signed it are trusted: when a member's keys or standing
change, the documents are verified anew.
"""

from collections.abc import Callable, Iterable

from landbridge.errors import LandbridgeError
from landbridge.memorandum.document import Memorandum
from landbridge.policy.authorization import Policy
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import Trust, TrustStore

Read = Callable[[TrustBundle], Iterable[Memorandum]]
"""Reads the memoranda that verify under a bundle."""


class LivePolicy:
    """The policy that follows the trust. Call it for the policy of now; thread-safe.

    `failed` is told when the documents cannot be read anew; the policy in use goes on then.
    """

    def __init__(
        self, store: TrustStore, read: Read, *, failed: Callable[[Exception], None]
    ) -> None:
        self._read = read
        self._failed = failed
        bundle = store.current.bundle
        self._members = bundle.content.members
        self._policy = Policy(read(bundle))
        store.subscribe(self._follow)

    def __call__(self) -> Policy:
        """Return what the memoranda allow now."""
        return self._policy

    def _follow(self, trust: Trust) -> None:
        members = trust.bundle.content.members
        if members == self._members:
            return
        try:
            self._policy = Policy(self._read(trust.bundle))
        except (LandbridgeError, OSError) as error:
            self._failed(error)
        else:
            self._members = members
