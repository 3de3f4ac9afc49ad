"""The federation as its members agreed on it: who they are, and the words that they share.

federation = Federation.load(Path("federation.toml"))
subject = federation.schemes.parse("us-ope-id:00100500")
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from landbridge.agency import Role
from landbridge.configuration import complaint, load
from landbridge.errors import Reason, refuse
from landbridge.federation_file import FederationFile
from landbridge.jurisdiction import Jurisdiction, read_jurisdiction, wrong_jurisdictions
from landbridge.subject import IdentifierScheme, Schemes, SubjectKind
from landbridge.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Gateway:
    """The federation's gateway: the agency that runs it, and its name in its certificate."""

    agency: str
    name: str


@dataclass(frozen=True, slots=True)
class Agency:
    """A member of the federation, other than the gateway's agency."""

    id: str
    title: str
    roles: frozenset[Role]
    desk: bool = False
    """Whether it keeps a desk, which says who a subject is."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a requester asks; `dpv` is the same term in the W3C Data Privacy Vocabulary, or empty."""

    name: str
    title: str
    dpv: str


class Agreement(StrEnum):
    """When two values of a term agree."""

    EXACT = "exact"
    LETTERS = "letters"


@dataclass(frozen=True, slots=True)
class Term:
    """A term that fields of several agencies share, so that their values can stand side by side."""

    name: str
    title: str
    compare: Agreement
    authoritative: str

    def normalise(self, text: str) -> str:
        """Bring a value to the form in which it is compared; never to be shown."""
        return text if self.compare is Agreement.EXACT else _letters(text)

    def is_authoritative(self, agency: str, dataset: str) -> bool:
        """Say whether the federation shows this source's values first."""
        named = self.authoritative
        return bool(named) and named in (agency, f"{agency}/{dataset}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one query; the keys of `[limits]` with their units."""

    max_links: int
    max_rounds: int
    max_records: int
    max_query_lifetime_s: int
    clock_skew_s: int

    @property
    def longest_ms(self) -> int:
        """How long a query that was just answered may still be valid, in milliseconds."""
        return (self.max_query_lifetime_s + self.clock_skew_s) * 1000


@dataclass(frozen=True, slots=True)
class Federation:
    """What the members of a federation share."""

    name: str
    title: str
    gateway: Gateway
    agencies: Mapping[str, Agency]
    schemes: Schemes
    purposes: Mapping[str, Purpose]
    terms: Mapping[str, Term]
    limits: Limits
    jurisdictions: Mapping[str, Jurisdiction] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Federation":
        """Read federation.toml.

        Raises:
            LandbridgeError: LB-1101; the message lists every problem with its line and column.
        """
        file = load(path, FederationFile)
        problems = list(_contradictions(file))
        if problems:
            raise complaint(path, problems)
        return cls(
            name=file.federation.name,
            title=file.federation.title,
            gateway=Gateway(file.gateway.agency, file.gateway.name),
            agencies={
                id_: Agency(id_, table.title, frozenset(map(Role, table.roles)), table.desk)
                for id_, table in file.agencies.items()
            },
            schemes=Schemes(
                IdentifierScheme(
                    name,
                    title=table.title,
                    subject_kind=table.subject_kind,
                    group=table.group,
                    read=table.read,
                    pattern=table.pattern or "",
                    stdnum=table.stdnum or "",
                    spellings=table.spellings,
                )
                for name, table in file.schemes.items()
            ),
            purposes={
                name: Purpose(name, table.title, table.dpv or "")
                for name, table in file.purposes.items()
            },
            terms={
                name: Term(name, table.title, Agreement(table.compare), table.authoritative or "")
                for name, table in file.terms.items()
            },
            limits=Limits(**file.limits.model_dump()),
            jurisdictions={
                name: read_jurisdiction(name, table) for name, table in file.jurisdictions.items()
            },
        )

    def check_purpose(self, name: str) -> str:
        """Return the purpose's name if the federation has it.

        Raises:
            LandbridgeError: LB-1005 when it has not.
        """
        if name not in self.purposes:
            raise refuse(
                Reason.UNKNOWN_PURPOSE,
                f"{name[:100]!r} is not a purpose of {self.name}"
                + did_you_mean(name[:100], self.purposes),
            )
        return name


def _contradictions(file: FederationFile) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find what each table alone cannot show to be wrong."""
    if file.gateway.agency in file.agencies:
        yield (
            ("agencies", file.gateway.agency),
            f"{file.gateway.agency!r} runs the gateway and is not listed again",
        )
    for name, scheme in file.schemes.items():
        if scheme.group and scheme.subject_kind is SubjectKind.NATURAL_PERSON:
            yield (
                ("schemes", name, "group"),
                "an identifier of persons stands for one: they are asked about one at a time",
            )
    yield from wrong_jurisdictions(file.jurisdictions)
    providers = {id_ for id_, table in file.agencies.items() if "node" in table.roles}
    for name, term in file.terms.items():
        agency, slash, dataset = (term.authoritative or "").partition("/")
        if term.authoritative is None or (agency in providers and bool(slash) is bool(dataset)):
            continue
        yield (
            ("terms", name, "authoritative"),
            f"{term.authoritative!r} is neither an agency with a node nor one of its datasets"
            + did_you_mean(agency, providers - {agency}),
        )


def _letters(text: str) -> str:
    # Nothing is kept of it: a gateway remembers no value of a record.
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    # A text without any letter or digit is compared as it stands: it is not the empty text.
    return "".join(filter(str.isalnum, folded)) or text
