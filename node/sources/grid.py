"""The numbers that a column of fixed scale can hold, and comparisons moved onto them.

Databases round a number with more digits than they compare with: `below 0.305` on a column of two
places would become `below 0.31` or `below 0.30`. Moved onto the grid it is `at most 0.30`, which
every database compares exactly.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import Enum
from typing import Any, Final, Self

import sqlalchemy as sa

from landbridge.memorandum.condition import Operator

_WHOLE_DIGITS: Final = 20
"""Digits of the largest whole number of 64 bits without sign."""
_LARGEST: Final = 2**64 - 1
_NOTHING: Final = Decimal(0)
_EXACT: Final = Context(prec=5000)
_ROUNDED: Final = {
    Operator.LT: (ROUND_FLOOR, Operator.LE),
    Operator.LE: (ROUND_FLOOR, Operator.LE),
    Operator.GT: (ROUND_CEILING, Operator.GE),
    Operator.GE: (ROUND_CEILING, Operator.GE),
}
"""Where to move a number that lies between two of the grid, and what is compared there."""


class Side(Enum):
    """What a comparison comes to that is the same for every number of the grid."""

    EVERY = "every"
    NONE = "none"

    @property
    def expression(self) -> sa.ColumnElement[bool]:
        """Write it."""
        return sa.true() if self is Side.EVERY else sa.false()


@dataclass(frozen=True, slots=True)
class Grid:
    """The numbers from `-most` to `most` with `scale` digits after the point."""

    most: Decimal
    scale: int

    @classmethod
    def of(cls, column: sa.Column[Any]) -> Self:
        """Return the numbers that a whole-number or decimal column can hold."""
        if not isinstance(column.type, sa.Numeric):
            return cls(Decimal(_LARGEST), 0)
        scale = column.type.scale or 0
        digits = (column.type.precision or _WHOLE_DIGITS) - scale
        return cls(Decimal(10) ** digits - Decimal(1).scaleb(-scale), scale)

    def move(self, operator: Operator, number: Decimal) -> tuple[Operator | Side, Decimal]:
        """Return a comparison on the grid that means the same, or what it comes to."""
        if not -self.most <= number <= self.most:
            below = number < 0
            met = {
                Operator.NE: True,
                Operator.LT: not below,
                Operator.LE: not below,
                Operator.GT: below,
                Operator.GE: below,
            }
            return Side.EVERY if met.get(operator, False) else Side.NONE, _NOTHING
        step = Decimal(1).scaleb(-self.scale)
        floor = number.quantize(step, ROUND_FLOOR, _EXACT)
        if floor == number:
            return operator, floor
        if operator not in _ROUNDED:
            return Side.EVERY if operator is Operator.NE else Side.NONE, _NOTHING
        rounding, moved = _ROUNDED[operator]
        return moved, number.quantize(step, rounding, _EXACT)
