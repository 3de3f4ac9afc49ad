"""Which other identifiers are the subject's own: the rule that gateway and nodes share.

An identifier scheme is settled in the first round in which any accepted source links to it; what
later rounds add to a settled scheme is shown, and not followed. So a campus that shares a tax
number or an old code with the subject is never slipped in. Identifiers of a group (one number for
many subjects) may be asked for, and are never a step to further identifiers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from landbridge.subject import Schemes, SubjectId
from landbridge.v1 import answer_pb2

IDENTIFIER = answer_pb2.VALUE_TYPE_IDENTIFIER


@dataclass(frozen=True, slots=True)
class StatedLink:
    """One record's statement that two identifiers stand for one subject."""

    known: SubjectId
    linked: SubjectId
    agency: str
    dataset: str
    record: str


def stated_links(answer: answer_pb2.Answer) -> Iterator[StatedLink]:
    """Read every link that the records of an answer state."""
    for dataset in answer.datasets:
        for extract in dataset.extracts:
            columns = [
                (position, column.scheme)
                for position, column in enumerate(extract.columns)
                if column.type == IDENTIFIER
            ]
            if not columns:
                continue
            for record in extract.records:
                if record.covers_group:
                    continue
                about = SubjectId(record.about.scheme, record.about.value)
                values = record.values
                for position, scheme in columns:
                    value = values[position]
                    texts = (
                        [item.text for item in value.list.items]
                        if value.HasField("list")
                        else [value.text]
                    )
                    for text in texts:
                        if text and (scheme != about.scheme or text != about.value):
                            yield StatedLink(
                                about,
                                SubjectId(scheme, text),
                                answer.agency,
                                dataset.dataset,
                                record.record,
                            )


class FollowedIdentifiers:
    """The identifiers by which sources may be asked about one subject."""

    def __init__(self, asked: SubjectId, schemes: Schemes, max_links: int) -> None:
        self.asked = asked
        self.by_scheme: dict[str, tuple[SubjectId, ...]] = {asked.scheme: (asked,)}
        self.overflowed: dict[str, int] = {}
        self.links: list[StatedLink] = []
        self._schemes = schemes
        self._max_links = max_links
        self._steps = {asked}

    def add_round(self, links: Iterable[StatedLink]) -> tuple[SubjectId, ...]:
        """Settle the schemes that this round's links reach first; return what may be asked next."""
        found: dict[str, dict[SubjectId, None]] = {}
        for link in links:
            if link.known not in self._steps:
                continue
            self.links.append(link)
            if link.linked.scheme not in self.by_scheme:
                found.setdefault(link.linked.scheme, {})[link.linked] = None
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

    @property
    def aliases(self) -> tuple[SubjectId, ...]:
        """Every followed identifier but the asked one, in a fixed order."""
        return tuple(
            found
            for scheme in sorted(self.by_scheme)
            for found in self.by_scheme[scheme]
            if found != self.asked
        )
