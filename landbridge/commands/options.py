"""What people type for a query, read into what the client takes."""

import re

from landbridge.errors import Reason, refuse
from landbridge.query import Wanted

_DURATION = re.compile(r"(?P<number>[0-9]{1,6}(?:\.[0-9]{1,3})?)(?P<unit>ms|s|m|)")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}
_WANTED = re.compile(r"(?P<agency>[^/:,\s]+)(?:/(?P<dataset>[^/:,\s]+)(?::(?P<fields>[^/:\s]+))?)?")


def read_duration(text: str) -> float:
    """Read a duration such as `5s`, `800ms` or `1.5` into seconds.

    Raises:
        LandbridgeError: LB-1106 when it is none, or zero.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match["number"]) * _SECONDS[match["unit"]] if match else 0.0
    if seconds <= 0:
        raise refuse(
            Reason.USAGE,
            f"{text!r} is not a duration",
            where="--deadline",
            next_step="write it as 5s, 800ms or 1m",
        )
    return seconds


def read_wanted(text: str) -> Wanted:
    """Read `agency`, `agency/dataset` or `agency/dataset:field,field`.

    Raises:
        LandbridgeError: LB-1106 when it has another form.
    """
    match = _WANTED.fullmatch(text.strip())
    fields = tuple((match["fields"] or "").split(",")) if match else ()
    if match is None or (match["fields"] and "" in fields):
        raise refuse(
            Reason.USAGE,
            f"{text!r} does not name a dataset",
            where="--want",
            next_step="write it as agency/dataset or agency/dataset:field,field",
        )
    return Wanted(match["agency"], match["dataset"] or "", fields if match["fields"] else ())
