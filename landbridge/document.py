"""Profile documents as JSON files: read so that every reader reads the same, and compared."""

import json
from collections.abc import Mapping
from typing import Any

from landbridge.errors import Reason, refuse


def read_document(data: bytes) -> dict[str, Any]:
    """Read a JSON object that no two readers can take differently.

    Raises:
        LandbridgeError: LB-1106 when it is no JSON object, or names a key twice.
    """
    try:
        document = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refuse(
            Reason.USAGE,
            f"the file is not a JSON document: {error}",
            next_step="give a file that `landbridge profile ... --save FILE` wrote",
        ) from error
    if not isinstance(document, dict):
        raise refuse(
            Reason.USAGE,
            "the file is not a JSON object",
            next_step="give a file that `landbridge profile ... --save FILE` wrote",
        )
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Readers differ in which of two values they take, so that one file would show two profiles.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def first_difference(expected: object, shown: object, place: str = "") -> str | None:
    """Return the path of the first place at which two JSON values differ, None where they do not.

    A path reads `sections[0].records[1].values[2].value`. `true` is not 1 here, and 1 not 1.0.
    """
    if isinstance(expected, Mapping) and isinstance(shown, Mapping):
        for key in (*expected, *(key for key in shown if key not in expected)):
            path = f"{place}.{key}" if place else str(key)
            if key not in shown or key not in expected:
                return path
            if found := first_difference(expected[key], shown[key], path):
                return found
        return None
    if isinstance(expected, list) and isinstance(shown, list):
        for index, (left, right) in enumerate(zip(expected, shown, strict=False)):
            if found := first_difference(left, right, f"{place}[{index}]"):
                return found
        return None if len(expected) == len(shown) else f"{place}[{min(len(expected), len(shown))}]"
    return None if type(expected) is type(shown) and expected == shown else place
