"""Whom records are about: kinds of subject, and identifiers in the normal form of their scheme.

Registers write the same identifier in different ways. A scheme says how any of these writings is
brought to one normal form, and how the normal form is written in native tables. Both are lists of
small text steps, so that a federation can state them in its configuration.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.spelling import TextStep, compile_pattern, compile_steps, find_validator
from landbridge.suggestion import did_you_mean

PLAIN: Final = "plain"
"""The spelling that is the normal form itself."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MAX_TEXT: Final = 256
_CACHED: Final = 16_384


class SubjectKind(StrEnum):
    """Whether the records are about an organisation or a human being."""

    LEGAL_ENTITY = "legal-entity"
    NATURAL_PERSON = "natural-person"

    @property
    def number(self) -> int:
        """The kind as the wire contract numbers it."""
        return _NUMBER_OF_KIND[self]

    @classmethod
    def from_number(cls, number: int) -> "SubjectKind":
        """Read a kind as the wire contract numbers it.

        Raises:
            LandbridgeError: LB-1001 when no kind has the number.
        """
        kind = _KIND_OF_NUMBER.get(number)
        if kind is None:
            raise refuse(Reason.MALFORMED_REQUEST, f"{number} is not the number of a subject kind")
        return kind


_NUMBER_OF_KIND: Final = {SubjectKind.LEGAL_ENTITY: 1, SubjectKind.NATURAL_PERSON: 2}
_KIND_OF_NUMBER: Final = {number: kind for kind, number in _NUMBER_OF_KIND.items()}


@dataclass(frozen=True, slots=True, order=True)
class SubjectId:
    """An identifier in its scheme's normal form."""

    scheme: str
    value: str

    def __str__(self) -> str:
        """Write it as users type it: scheme, colon, value."""
        return f"{self.scheme}:{self.value}"


class IdentifierScheme:
    """How the identifiers of one kind are read, checked and written."""

    __slots__ = (
        "_pattern",
        "_read",
        "_spellings",
        "_stdnum",
        "group",
        "name",
        "normalise",
        "spell",
        "subject_kind",
        "title",
    )

    normalise: Callable[[str], str]
    """Brings any writing to the normal form, from a cache.

    Raises LandbridgeError: LB-1003 for a text without the scheme's form, LB-1004 for a wrong check
    digit. The message never holds the text: it may name a person.
    """
    spell: Callable[[str, str], str]
    """Writes a normal form in a spelling, from a cache; `spell("00100500", "unpadded")`.

    Raises LandbridgeError: LB-1101 for a spelling that the scheme does not have.
    """

    def __init__(  # noqa: PLR0913 - one parameter a key of the scheme's table in federation.toml
        self,
        name: str,
        *,
        title: str,
        subject_kind: SubjectKind,
        group: bool = False,
        read: Iterable[str] = ("strip",),
        pattern: str = "",
        stdnum: str = "",
        spellings: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.name = check_scheme_name(name)
        self.title = title
        self.subject_kind = subject_kind
        self.group = group
        self._read = compile_steps(read)
        self._pattern = compile_pattern(pattern) if pattern else None
        self._stdnum = find_validator(stdnum) if stdnum else None
        self._spellings: dict[str, TextStep] = {PLAIN: compile_steps(())}
        for spelling, steps in (spellings or {}).items():
            if spelling == PLAIN:
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    f"{PLAIN!r} is the normal form itself and takes no steps",
                )
            self._spellings[spelling] = compile_steps(steps)
        self.normalise = lru_cache(_CACHED)(self._find_normal_form)
        self.spell = lru_cache(_CACHED)(self._write)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names of the spellings, `plain` first."""
        return tuple(self._spellings)

    @property
    def is_checked(self) -> bool:
        """Whether it tells its identifiers from other texts: by a pattern or by check digits."""
        return self._pattern is not None or self._stdnum is not None

    def is_normal(self, text: str) -> bool:
        """Tell whether a text is a normal form: one that `normalise` takes and leaves as it is."""
        if self._stdnum is None:
            return (
                0 < len(text) <= _MAX_TEXT
                and text.isprintable()
                and self._read(text) == text
                and (self._pattern is None or self._pattern.fullmatch(text) is not None)
            )
        try:
            return self.normalise(text) == text
        except LandbridgeError:
            return False

    def __repr__(self) -> str:
        """Name the scheme."""
        return f"<IdentifierScheme {self.name}>"

    def _find_normal_form(self, text: str) -> str:
        if len(text) > _MAX_TEXT:
            raise self._malformed(f"longer than {_MAX_TEXT} characters")
        value = self._read(text)
        if not value:
            raise self._malformed("empty")
        if not value.isprintable():
            raise self._malformed("it holds a control character")
        if self._stdnum is not None:
            value = self._validate(value, self._stdnum)
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise self._malformed(f"its form is {self._pattern.pattern}")
        if self._read(value) != value:
            # Nodes normalise again what they receive, so that a normal form has to stay what it is.
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the `read` steps of scheme {self.name} change their own result",
                next_step="make the steps of `read` leave a normal form as it is",
            )
        return value

    def _validate(self, value: str, validate: TextStep) -> str:
        # python-stdnum takes long to load and is here already, by way of find_validator.
        from stdnum import exceptions  # noqa: PLC0415

        try:
            return validate(value)
        except exceptions.InvalidChecksum:
            raise refuse(
                Reason.WRONG_CHECK_DIGIT,
                f"the check digit is wrong for an identifier of {self.name} ({self.title})",
            ) from None
        except exceptions.InvalidLength:
            raise self._malformed("its length does not fit") from None
        except exceptions.InvalidComponent:
            raise self._malformed("one of its parts does not exist") from None
        except ValueError:
            raise self._malformed("a character of it does not fit") from None

    def _malformed(self, why: str) -> LandbridgeError:
        return refuse(
            Reason.MALFORMED_IDENTIFIER,
            f"the text is not an identifier of {self.name} ({self.title}): {why}",
        )

    def _write(self, value: str, spelling: str) -> str:
        steps = self._spellings.get(spelling)
        if steps is None:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"scheme {self.name} has no spelling {spelling!r}"
                + did_you_mean(spelling, self._spellings),
            )
        return steps(value)


def check_scheme_name(name: str) -> str:
    """Return the name if it may be that of a scheme: lower case, digits, single hyphens.

    Raises:
        LandbridgeError: LB-1101 when it is not.
    """
    if not _NAME.fullmatch(name):
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{name!r} is not a name for an identifier scheme",
            next_step="write lower-case words joined by hyphens, such as 'us-ope-id'",
        )
    return name


class Schemes(Mapping[str, IdentifierScheme]):
    """The identifier schemes of a federation, by name."""

    __slots__ = ("_schemes", "identify", "parse")

    parse: Callable[[str], SubjectId]
    """Reads `scheme:value` as a person types it and normalises the value, from a cache.

    Raises LandbridgeError: LB-1002 for an unknown scheme, LB-1003 and LB-1004 as `normalise`.
    """
    identify: Callable[[str, str], SubjectId]
    """Makes a normalised id of a scheme's name and any writing of the value, from a cache.

    Raises as `parse`.
    """

    def __init__(self, schemes: Iterable[IdentifierScheme]) -> None:
        self._schemes = {scheme.name: scheme for scheme in schemes}
        self.parse = lru_cache(_CACHED)(self._parse)
        self.identify = lru_cache(_CACHED)(self._identify)

    def __getitem__(self, name: str) -> IdentifierScheme:
        """Return the scheme of that name; KeyError where there is none, as in any mapping."""
        return self._schemes[name]

    def __contains__(self, name: object) -> bool:
        """Say whether there is a scheme of that name."""
        return name in self._schemes

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in the order of federation.toml."""
        return iter(self._schemes)

    def __len__(self) -> int:
        """Count the schemes."""
        return len(self._schemes)

    def named(self, name: str) -> IdentifierScheme:
        """Return the scheme of that name.

        Raises:
            LandbridgeError: LB-1002 when there is none.
        """
        scheme = self._schemes.get(name)
        if scheme is not None:
            return scheme
        # Whatever is not written like a scheme's name may be an identifier: it stays unsaid.
        if not _NAME.fullmatch(name):
            raise refuse(Reason.UNKNOWN_SCHEME, "the identifier's scheme is not one of ours")
        raise refuse(
            Reason.UNKNOWN_SCHEME,
            f"{name[:64]!r} is not an identifier scheme of the federation"
            + did_you_mean(name, self._schemes),
        )

    def _parse(self, text: str) -> SubjectId:
        name, colon, value = text.strip().partition(":")
        if not colon:
            first = next(iter(self._schemes), "scheme")
            raise refuse(
                Reason.UNKNOWN_SCHEME,
                "the identifier does not name its scheme",
                next_step=f"write the scheme before it, as in '{first}:value'",
            )
        return self.identify(name.strip(), value)

    def _identify(self, name: str, value: str) -> SubjectId:
        return SubjectId(name, self.named(name).normalise(value))
