"""Numbers of things in sentences: 1 entry, 2 entries."""

from typing import Final

_VOWELS: Final = "aeiou"


def counted(number: int, noun: str) -> str:
    """Write a number of things; a noun ends as regular English ones do."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return f"{number} {noun.removesuffix('y')}ies"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
