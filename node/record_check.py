"""Whether a subject has the record that it speaks of: seen in the agency's own source."""

from collections.abc import Mapping

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.links import IDENTIFIER
from landbridge.rights.opening import Opening
from landbridge.subject import Schemes, SubjectId
from landbridge.v1 import answer_pb2
from node.case_rules import CaseRules
from node.sources.lookup import Lookup, Withdrawn
from node.sources.source import Source


class RecordCheck:
    """Looks records up for cases. Thread-safe."""

    def __init__(self, source: Source, rules: Mapping[str, CaseRules], schemes: Schemes) -> None:
        self._source = source
        self._rules = rules
        self._schemes = schemes

    def find(self, opening: Opening) -> frozenset[SubjectId] | None:
        """Find the record; None where it has a name of its own.

        Where it is named by the line of a file, which another edition may give to another record:
        the identifiers that it states, by which it is known again.

        Raises:
            LandbridgeError: LB-4109 when the subject has no such record, or it no such field;
                LB-1002 to LB-1004 for an identifier that is none; LB-2xxx when the source fails.
        """
        rules = self._rules.get(opening.dataset)
        if rules is None:
            raise _no_record(f"{opening.agency} publishes no dataset {opening.dataset!r}")
        for name in opening.fields:
            if name not in rules.fields:
                raise _no_record(f"{opening.dataset} has no field {name!r}")
        subject = opening.subject.subject
        if self._schemes.identify(subject.scheme, subject.value) != subject:
            raise refuse(
                Reason.MALFORMED_IDENTIFIER,
                "the identifier is not in its normal form",
                where="subject",
            )
        columns = self._source.columns(opening.dataset, tuple(sorted(rules.fields)))
        stated = tuple(column.field for column in columns if column.type == IDENTIFIER)
        record = self._read(opening, stated)
        if not self._source.is_named_by_line(opening.dataset):
            return None
        schemes = {column.field: column.scheme for column in columns}
        return frozenset(
            (
                subject,
                *(
                    SubjectId(schemes[name], value.text)
                    for name, value in zip(stated, record.values, strict=True)
                    if value.WhichOneof("canonical") == "text"
                ),
            )
        )

    def check_cut(self, opening: Opening) -> None:
        """Check that the record can be given no more.

        Raises:
            LandbridgeError: LB-4111 when no statement can leave it out.
        """
        try:
            self._source.check_cut(
                opening.dataset, Withdrawn(opening.record, opening.subject.subject)
            )
        except LandbridgeError as error:
            raise refuse(
                Reason.STEP_REFUSED,
                f"{error.message}, and so it cannot be given no more",
                where=f"case {opening.id}",
                next_step=error.next_step,
            ) from error

    def _read(self, opening: Opening, fields: tuple[str, ...]) -> answer_pb2.Record:
        (outcome,) = self._source.fetch(
            [
                Lookup(
                    dataset=opening.dataset,
                    fields=fields,
                    where=(),
                    asked=opening.subject.subject,
                    aliases=(),
                    broad=False,
                )
            ]
        )
        if isinstance(outcome, LandbridgeError):
            if outcome.reason is Reason.NOT_ADDRESSABLE:
                raise _no_record(outcome.message)
            raise outcome
        for record in outcome:
            if record.record == opening.record:
                return record
        raise _no_record(f"{opening.dataset} has no such record on the subject")


def _no_record(why: str) -> LandbridgeError:
    return refuse(Reason.NO_SUCH_RECORD, why, where="opening of a case")
