"""Logs that have signed two histories: nothing more is asked of their nodes, and no answer taken.

It ends when administrators taint the key that signed them (`landbridge cert taint`), or give the
log another name: the gateway alone forgives nobody. Both heads stay on its disk as evidence.
"""

from collections.abc import Callable, Mapping

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.signed_head import PastKeys, is_still_signed, kept_head
from landbridge.log.witness_file import Fork, WitnessFile

IsLogOf = Callable[[str, str, Role], bool]


class ForkedLogs:
    """What the file of heads proves of forks. Refreshed by the loop that goes round; else read."""

    def __init__(self, file: WitnessFile, past_keys: PastKeys, is_log_of: IsLogOf) -> None:
        """Read what was found before.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be read.
        """
        self._file = file
        self._past_keys = past_keys
        self._is_log_of = is_log_of
        self._proven: Mapping[str, LandbridgeError] = {}
        self._doubted: dict[str, LandbridgeError] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take up what was found since, and what administrators have settled.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be read.
        """
        proven: dict[str, LandbridgeError] = {}
        for fork in self._file.forks():
            if fork.settled or fork.origin in proven:
                continue
            if self._stands(fork):
                proven[fork.origin] = _refusal(fork)
            else:
                self._file.settle(fork)  # the key may be removed later, and then says nothing more
        self._proven = proven

    def doubt(self, origin: str, why: LandbridgeError) -> None:
        """Refuse a log that denies the proof of what it has signed, until it gives one."""
        self._doubted[origin] = why

    def trust_again(self, origin: str) -> None:
        """Note that it has proven what was asked; a fork that is proven stands all the same."""
        self._doubted.pop(origin, None)

    def __bool__(self) -> bool:
        """Tell whether there is any log of which nothing is taken."""
        return bool(self._proven or self._doubted)

    def of_log(self, origin: str) -> LandbridgeError | None:
        """Return why nothing of a log is taken, if so."""
        return self._proven.get(origin) or self._doubted.get(origin)

    def of_node(self, agency: str) -> LandbridgeError | None:
        """Return why nothing is asked of an agency's node, if so."""
        for origin in (*self._proven, *self._doubted):
            if self._is_log_of(origin, agency, Role.NODE):
                return self.of_log(origin)
        return None

    def _stands(self, fork: Fork) -> bool:
        heads = (fork.first, fork.second)
        return all(is_still_signed(head, self._past_keys) for head in heads)


def _refusal(fork: Fork) -> LandbridgeError:
    first, second = kept_head(fork.first), kept_head(fork.second)
    return refuse(
        Reason.LOG_FORKED,
        f"{fork.origin} signed two histories: one of {first}, and one of {second}",
        next_step="find out why; then landbridge cert taint its log key, and a new key for it",
    )
