"""A log that takes no entries for a time, and still shows what it holds."""

from landbridge.errors import LandbridgeError, refuse


class Halting:
    """Refuses what would be appended, from the moment it is told why until it may go on."""

    _halted: LandbridgeError | None = None

    def halt(self, error: LandbridgeError) -> None:
        """Refuse every append with this error until `resume`; what was logged can still be read."""
        self._halted = error

    def resume(self) -> None:
        """Append again."""
        self._halted = None

    @property
    def halted(self) -> LandbridgeError | None:
        """Why nothing is appended, where that is so."""
        return self._halted

    def check_not_halted(self) -> None:
        """Check that the log takes entries.

        Raises:
            LandbridgeError: what `halt` was given.
        """
        if (halted := self._halted) is not None:
            # Made anew: several threads may be told at once.
            raise refuse(halted.reason, halted.message, next_step=halted.next_step)
