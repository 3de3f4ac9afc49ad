"""What a subject may write, as it travels to every reader of the record: plain text on itself.

No markup, nothing that cannot be seen or turns the line around, no addresses, and no identifiers of
persons other than the subject. What is refused is told with its place, and never repeated.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind

LONGEST: Final = 1000
"""Characters of a statement or a reason."""
MOST_LINES: Final = 20
_MOST_MARKS: Final = 4
"""Accents on one letter: more hide what stands above and below."""

_JOINERS: Final = "\u200c\u200d"
"""Persian and Indic scripts need them within words."""
_LIKE_DASHES: Final = "_\u00b7\u2022\u2212\u2219\u22c5"
_DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_FORBIDDEN: Final = (
    (re.compile(r"<\s*[A-Za-z/!?]"), "markup"),
    (re.compile(r"&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]{2,31});"), "markup"),
    (re.compile(r"\]\s*\(|\{\{|\$\{|```"), "markup"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|\bwww\.", re.IGNORECASE), "an address of a page"),
    (re.compile(r"\b(?:javascript|data|mailto|tel):", re.IGNORECASE), "an address of a page"),
    (re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]"), "an e-mail address"),
    (re.compile(r"\+\s?\d(?:[ ()./-]{0,2}\d){6,}"), "a telephone number"),
    (re.compile(r"\d(?:[ ()./-]{0,2}\d){8,}"), "a telephone number, or another long number"),
    (re.compile(r"(?<![\d-])\d{3}-\d{4}(?![\d-])"), "a telephone number"),
)
_TOKEN: Final = re.compile(r"""[^\s,;:()\[\]"'.!?]*\d[^\s,;:()\[\]"'!?]*""")
_OWN: Final = "\ufffc"
"""Stands where an identifier of the subject itself stood."""


def check_text(text: str, *, where: str) -> None:
    """Check that a text is plain: no markup, no addresses, no more than 1,000 characters.

    Raises:
        LandbridgeError: LB-4112 with the place.
    """
    check_form(text, where=where)
    _check_content(text, where)


def check_form(text: str, *, where: str) -> None:
    """Check what does not depend on whom a text is about: its length, and that all of it is seen.

    Raises:
        LandbridgeError: LB-4112 with the place.
    """
    if not text.strip():
        raise _refuse(where, "it says nothing")
    if len(text) > LONGEST:
        raise _refuse(where, f"it has {len(text)} characters, and {LONGEST} are allowed")
    if text.count("\n") >= MOST_LINES:
        raise _refuse(where, f"it has more than {MOST_LINES} lines")
    marks = 0
    for place, character in enumerate(text):
        if not _is_plain(character, text[place - 1 : place], text[place + 1 : place + 2]):
            raise _refuse(
                where,
                f"character {place + 1} is one that cannot be seen (U+{ord(character):04X})",
            )
        marks = marks + 1 if _is_mark(character) else 0
        if marks > _MOST_MARKS:
            raise _refuse(where, f"character {place + 1} is one accent too many on one letter")


def _check_content(text: str, where: str) -> None:
    read, places = _as_read(text)
    dates_apart = _DAY.sub(lambda found: "-" * len(found[0]), read)
    for pattern, what in _FORBIDDEN:
        if found := pattern.search(dates_apart):
            raise _refuse(where, f"from character {places[found.start()] + 1} on it holds {what}")


def check_statement(text: str, schemes: Schemes, own: Collection[SubjectId], *, where: str) -> None:
    """Check a statement: plain text, that names no other person by an identifier.

    Raises:
        LandbridgeError: LB-4112 with the place.
    """
    check_form(text, where=where)
    for value in sorted({one.value for one in own}, key=len, reverse=True):
        text = text.replace(value, _OWN)
    _check_content(text, where)
    read, _ = _as_read(text)
    persons = [
        scheme
        for scheme in schemes.values()
        if scheme.subject_kind is SubjectKind.NATURAL_PERSON and scheme.is_checked
    ]
    for found in _TOKEN.finditer(read):
        for scheme in persons:
            if any(_names_a_person(token, scheme) for token in _ways(found[0])):
                raise _refuse(
                    where,
                    f"it holds what may be an identifier of another person ({scheme.name})",
                )


def _as_read(text: str) -> tuple[str, list[int]]:
    """Write a text as a reader takes it, whatever dashes, blanks and widths it is written with.

    With each of its characters goes the place of the one that it was.
    """
    read: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character in _JOINERS:
            continue
        for plain in unicodedata.normalize("NFKC", character):
            category = unicodedata.category(plain)
            is_dash = category == "Pd" or plain in _LIKE_DASHES
            read.append("-" if is_dash else " " if category == "Zs" else plain)
            places.append(place)
    return "".join(read), places


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me")


def _is_plain(character: str, before: str, after: str) -> bool:
    if character == "\n":
        return True
    if character in _JOINERS:
        return all(unicodedata.category(one or " ")[0] in "LM" for one in (before, after))
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")


def _ways(token: str) -> Iterator[str]:
    bare = token.strip("-./")
    yield bare
    yield re.sub(r"[-./]", "", bare)


def _names_a_person(token: str, scheme: IdentifierScheme) -> bool:
    try:
        scheme.normalise(token)
    except LandbridgeError:
        return False
    return True


def _refuse(where: str, why: str) -> LandbridgeError:
    return refuse(Reason.STATEMENT_REFUSED, why, where=where)
