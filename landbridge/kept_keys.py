"""The keys to which a requester has had answers sealed: in memory alone, until the profile came."""

from collections.abc import Iterable
from typing import Final

from landbridge.envelope import QUERY_TYPE, digest
from landbridge.errors import Reason, refuse
from landbridge.sealing import SealingKey

_KEPT_MS: Final = 60_000
"""How long a key is kept beyond its query's expiry: no profile can come later."""


class KeptKeys:
    """Keys by the queries that name them. Not thread-safe."""

    def __init__(self) -> None:
        self._keys: dict[bytes, tuple[int, SealingKey]] = {}

    def keep(self, key: SealingKey, payloads: Iterable[bytes], *, expires_at: int, at: int) -> None:
        """Keep a key for the queries that name it, and drop those for which nothing comes."""
        self._keys = {name: held for name, held in self._keys.items() if at - held[0] <= _KEPT_MS}
        for payload in payloads:
            self._keys[digest(QUERY_TYPE, payload)] = (expires_at, key)

    def take(self, payload: bytes) -> SealingKey:
        """Hand out the key of a query, once.

        Raises:
            LandbridgeError: LB-4202 when it is not kept: the query was signed elsewhere, was not
                sealed, was opened before or is long past its expiry.
        """
        _, key = self._keys.pop(digest(QUERY_TYPE, payload), (0, None))
        if key is None:
            raise refuse(
                Reason.SEAL_BROKEN, "no key is kept to which this query had answers sealed"
            )
        return key
