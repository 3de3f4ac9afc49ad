"""One error for everything that is refused or fails, with its reason code.

LandbridgeError
|- code    LB-nnnn: the same on the wire, in logs and in `landbridge explain`
|- where   the file, line, dataset or clause
|- next_step   what the reader can do
"""

from landbridge.reasons import REASONS, Reason

__all__ = ["LandbridgeError", "Reason", "refuse"]


class LandbridgeError(Exception):
    """Something was refused or failed, and this is what, where and what to do next."""

    def __init__(
        self, reason: Reason, message: str, *, where: str = "", next_step: str = ""
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.where = where
        self.next_step = next_step or REASONS[reason].next_step

    @property
    def code(self) -> str:
        """The reason as users meet it: LB-nnnn."""
        return self.reason.code

    def __str__(self) -> str:
        """Write code, place and message on one line."""
        place = f"{self.where}: " if self.where else ""
        return f"{self.code} {place}{self.message}"


def refuse(
    reason: Reason, message: str, *, where: str = "", next_step: str = ""
) -> LandbridgeError:
    """Make the error for a reason; the caller raises it."""
    return LandbridgeError(reason, message, where=where, next_step=next_step)
