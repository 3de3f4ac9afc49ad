"""What people type for a query, read into what the client takes."""

import re
from collections.abc import Iterator

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.query import Wanted

_DURATION = re.compile(r"(?P<number>[0-9]{1,6}(?:\.[0-9]{1,3})?)(?P<unit>ms|s|m|)")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}
_WANTED = re.compile(r"(?P<agency>[^/:,()\s]+)(?:/(?P<dataset>[^/:,()\s]+)(?::(?P<names>.+))?)?")
_NAME = re.compile(r"(?P<name>[^/:,()\s]+)(?:\((?P<asks>(?:[^()\"]|\"[^\"]*\")+)\))?(?:,(?!$)|$)")
_ARGUMENT = re.compile(
    r"\s*(?P<name>[^=,()\"\s]+)=(?:\"(?P<quoted>[^\"]+)\"|(?P<plain>[^,()\"\s]+))\s*(?:,(?!$)|$)"
)
_MEANT = "write it as agency/dataset:field,field or agency/dataset:predicate(argument=value)"


def read_duration(text: str, option: str = "--deadline") -> float:
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
            where=option,
            next_step="write it as 5s, 800ms or 1m",
        )
    return seconds


def read_wanted(text: str) -> Wanted:
    """Read `agency`, `agency/dataset` or `agency/dataset:field,predicate(argument=value)`.

    A value that holds a blank, a comma or a bracket stands in double quotation marks.

    Raises:
        LandbridgeError: LB-1106 when it has another form, or gives an argument two values.
    """
    match = _WANTED.fullmatch(text.strip())
    if match is None:
        raise _not_wanted(f"{text!r} does not name a dataset")
    names: list[str] = []
    arguments: dict[str, str] = {}
    for item in _split(_NAME, match["names"] or "", text):
        names.append(item["name"])
        for asked in _split(_ARGUMENT, item["asks"] or "", text):
            value = asked["quoted"] or asked["plain"]
            if arguments.setdefault(asked["name"], value) != value:
                raise _not_wanted(f"{text!r} gives {asked['name']} two values")
    return Wanted(match["agency"], match["dataset"] or "", tuple(names), tuple(arguments.items()))


def _split(form: re.Pattern[str], text: str, whole: str) -> Iterator[re.Match[str]]:
    """Read parts of one form that follow each other without a gap."""
    place = 0
    while place < len(text):
        part = form.match(text, place)
        if part is None:
            raise _not_wanted(f"{whole!r} is not clear from {text[place:]!r} on")
        yield part
        place = part.end()


def _not_wanted(why: str) -> LandbridgeError:
    return refuse(Reason.USAGE, why, where="--want", next_step=_MEANT)
