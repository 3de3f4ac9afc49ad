"""Which other identifiers are the subject's own: the rule that gateway and nodes share.

A scheme is settled in the first round in which a record about the subject links to it; what later
rounds add to a settled scheme is shown, and not followed. A record that names another subject in a
scheme that is settled already is shown, and nothing in it is followed: so no sister campus that
shares a tax number or an old code is slipped in. A company's identifier never leads to a person's,
and a person's never to several in one scheme: one query is about one person.
Identifiers of a group (one number for many subjects) may be asked for, and are never a step to
further identifiers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from landbridge.read_answer import ReadAnswer
from landbridge.subject import Schemes, SubjectId, SubjectKind
from landbridge.v1 import answer_pb2


@dataclass(frozen=True, slots=True)
class StatedLink:
    """One record's statement that two identifiers stand for one subject."""

    known: SubjectId
    linked: SubjectId
    agency: str
    dataset: str
    record: str


@dataclass(frozen=True, slots=True)
class LinkingRecord:
    """A record, the identifier by which it was found, and all that stand in it."""

    known: SubjectId
    covers_group: bool
    identifiers: tuple[SubjectId, ...]
    agency: str
    dataset: str
    record: str

    def links(self) -> Iterator[StatedLink]:
        """State each link of this record."""
        for linked in self.identifiers:
            if linked != self.known:
                yield StatedLink(self.known, linked, self.agency, self.dataset, self.record)


def linking_records(read: ReadAnswer) -> Iterator[LinkingRecord]:
    """Read the records of an answer that hold identifiers."""
    outline = read.outline
    if not outline.identifiers:
        return
    for extract, records in zip(outline.extracts, read.records, strict=True):
        columns = extract.says.identifiers
        for record in records if columns else ():
            values = record.values
            yield LinkingRecord(
                SubjectId(record.about.scheme, record.about.value),
                record.covers_group,
                tuple(
                    SubjectId(scheme, text)
                    for position, scheme in columns.items()
                    for text in _texts(values[position])
                ),
                outline.agency,
                extract.dataset,
                record.record,
            )


def _texts(value: answer_pb2.Value) -> list[str]:
    if value.HasField("list"):
        return [item.text for item in value.list.items if item.text]
    return [value.text] if value.text else []


class FollowedIdentifiers:
    """The identifiers by which sources may be asked about one subject."""

    def __init__(self, asked: SubjectId, schemes: Schemes, max_links: int) -> None:
        self.asked = asked
        self.by_scheme: dict[str, tuple[SubjectId, ...]] = {asked.scheme: (asked,)}
        self.overflowed: dict[str, int] = {}
        self.links: list[StatedLink] = []
        self._schemes = schemes
        self._kind = schemes[asked.scheme].subject_kind
        self._max_links = 1 if self._kind is SubjectKind.NATURAL_PERSON else max_links
        self._steps = {asked}

    def add_round(self, records: Iterable[LinkingRecord]) -> tuple[SubjectId, ...]:
        """Settle the schemes that this round's records reach; return what may be asked next."""
        found: dict[str, dict[SubjectId, None]] = {}
        for record in records:
            if record.known not in self._steps or self._is_of_wider_group(record):
                continue
            self.links.extend(record.links())
            if self._names_another(record):
                continue
            for linked in record.identifiers:
                if linked.scheme not in self.by_scheme and self._is_of_same_kind(linked):
                    found.setdefault(linked.scheme, {})[linked] = None
        steps: list[SubjectId] = []
        for scheme, ids in found.items():
            if len(ids) > self._max_links:
                self.overflowed[scheme] = len(ids)
                self.by_scheme[scheme] = ()
                continue
            self.by_scheme[scheme] = tuple(sorted(ids))
            if not self._schemes[scheme].group:
                steps.extend(self.by_scheme[scheme])
        self._steps.update(steps)
        return tuple(steps)

    def _is_of_same_kind(self, linked: SubjectId) -> bool:
        """Whether the link stays with companies, or with persons: neither leads to the other."""
        scheme = self._schemes.get(linked.scheme)
        return scheme is not None and scheme.subject_kind is self._kind

    def _is_of_wider_group(self, record: LinkingRecord) -> bool:
        """Whether the record's key is coarser than the identifier by which it was found."""
        return record.covers_group and not self._schemes[record.known.scheme].group

    def _names_another(self, record: LinkingRecord) -> bool:
        for scheme in {linked.scheme for linked in record.identifiers}:
            settled = self.by_scheme.get(scheme)
            if settled and not any(
                linked in settled for linked in record.identifiers if linked.scheme == scheme
            ):
                return True
        return False

    @property
    def aliases(self) -> tuple[SubjectId, ...]:
        """Every followed identifier but the asked one, in a fixed order."""
        return tuple(
            found
            for scheme in sorted(self.by_scheme)
            for found in self.by_scheme[scheme]
            if found != self.asked
        )
