"""Takes what was fetched from the authority into a party's trust, also where others do the same.

Two processes may keep one folder: an administrator's command beside the agent that keeps the
certificate. What the other one has written in between is no step backwards.
"""

from collections.abc import Sequence

from landbridge.errors import LandbridgeError
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import TrustStore


def take_fetched(
    store: TrustStore, since: int, bundles: Sequence[bytes], lists: Sequence[bytes]
) -> None:
    """Offer bundles that follow the number `since`, in order, and lists; each though others fail.

    Raises:
        LandbridgeError: LB-4010 or LB-4012 for the first that is not acceptable; LB-1101 when a
            file cannot be written.
    """
    failure: LandbridgeError | None = None
    try:
        _take_bundles(store, since, bundles)
    except LandbridgeError as error:
        failure = error
    store.offer((), lists)
    if failure is not None:
        raise failure


def _take_bundles(store: TrustStore, since: int, bundles: Sequence[bytes]) -> None:
    while True:
        held = store.current.bundle.number
        if held > since:
            # Another process was quicker: only what comes after its bundle is news.
            bundles = [each for each in bundles if TrustBundle.parse(each, None).number > held]
        try:
            store.offer(bundles, ())
        except LandbridgeError:
            now = store.current.bundle.number
            if now == held:
                raise
            since = held
        else:
            return
