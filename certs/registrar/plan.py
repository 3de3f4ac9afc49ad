"""What an act would do: worked out before anything is changed, so that a dry run is the same."""

from collections.abc import Callable
from dataclasses import dataclass

from certs.rotation import Obstacle
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.trust.document import BundleDocument


def _nothing(number: int) -> bytes:
    del number
    return b""


@dataclass(frozen=True, slots=True)
class Plan:
    """The effect of an act, and what stands against it.

    `content` is what the next bundle holds, None when the act needs none. `carry_out` writes to the
    registry within the same transaction; it gets the number of the bundle that the act leads to and
    returns what the act brings forth. An act that is not `once` may be repeated word for word.
    `admins` is how many must sign, where what is attached demands more than the act itself.
    """

    effects: tuple[str, ...]
    content: BundleDocument | None = None
    obstacles: tuple[Obstacle, ...] = ()
    carry_out: Callable[[int], bytes] = _nothing
    once: bool = True
    admins: int = 1
    key: SigningKey | None = None
    """Signs the next bundle in the place of the bundle key in use."""


def does_not_fit(message: str, *, next_step: str = "") -> LandbridgeError:
    """Make the error for an act that does not fit the present state; the caller raises it."""
    return refuse(Reason.NOT_APPROVED, message, next_step=next_step)
