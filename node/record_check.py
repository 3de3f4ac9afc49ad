"""Whether a subject has the record that it speaks of: seen in the agency's own source."""

from collections.abc import Mapping, Sequence

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.heading import IDENTIFIER
from landbridge.rights.opening import Opening
from landbridge.subject import Schemes, SubjectId
from landbridge.v1 import answer_pb2
from node.case_rules import CaseRules
from node.sources.lookup import Lookup, Wanted, Withdrawn
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
        if not self.is_named_by_line(opening.dataset):
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

    def is_named_by_line(self, dataset: str) -> bool:
        """Whether records are named by lines of a file, which another edition may move.

        Raises:
            LandbridgeError: LB-1006 when the dataset is not published.
        """
        return self._source.is_named_by_line(dataset)

    def check_cut(self, opening: Opening) -> None:
        """Check that the record can be given no more, and that no other one goes with it.

        Raises:
            LandbridgeError: LB-4111 when no statement can leave it out, and it alone; LB-2xxx when
                the source fails.
        """
        try:
            self._source.check_cut(opening.dataset, _withdrawn(opening))
        except LandbridgeError as error:
            raise _no_cut(opening, error.message, error.next_step) from error
        # Databases compare in ways of their own: so what would be left out is read once.
        first = self._fetch(opening, ())
        cut = self._fetch(opening, (), by_name=True)
        if isinstance(cut, LandbridgeError):
            raise first if isinstance(first, LandbridgeError) else _no_cut(opening, cut.message)
        names = {record.record for record in cut}
        # What has left the source since is gone; of very many records only the first are seen.
        is_gone = (
            not isinstance(first, LandbridgeError)
            and len(first) <= self._source.max_records
            and _named(opening, first) is None
        )
        if names != {opening.record} and not (is_gone and not names):
            raise _no_cut(opening, "the database does not tell it from others by its name")

    def _read(self, opening: Opening, fields: tuple[str, ...]) -> answer_pb2.Record:
        outcome = self._fetch(opening, fields)
        if not isinstance(outcome, LandbridgeError):
            found = _named(opening, outcome)
            if found is not None:
                return found
        elif outcome.reason is not Reason.TOO_MANY_RECORDS:
            raise _no_record(outcome.message) if _is_no_key(outcome) else outcome
        # Of a subject with very many records only the first were read.
        missing = _no_record(f"{opening.dataset} has no such record on the subject")
        if not self._may_be_named(opening):
            raise missing
        outcome = self._fetch(opening, fields, by_name=True)
        if isinstance(outcome, LandbridgeError):
            raise outcome
        found = _named(opening, outcome)
        if found is None:
            raise missing
        return found

    def _may_be_named(self, opening: Opening) -> bool:
        try:
            self._source.check_cut(opening.dataset, _withdrawn(opening))
        except LandbridgeError:
            return False
        return True

    def _fetch(
        self, opening: Opening, fields: tuple[str, ...], *, by_name: bool = False
    ) -> Sequence[answer_pb2.Record] | LandbridgeError:
        only = (_withdrawn(opening),) if by_name else ()
        wanted = Wanted(opening.dataset, fields, where=(), only=only)
        (outcome,) = self._source.fetch([Lookup(wanted, opening.subject.subject)])
        return outcome


def _withdrawn(opening: Opening) -> Withdrawn:
    return Withdrawn(opening.record, opening.subject.subject)


def _named(opening: Opening, found: Sequence[answer_pb2.Record]) -> answer_pb2.Record | None:
    return next((record for record in found if record.record == opening.record), None)


def _is_no_key(error: LandbridgeError) -> bool:
    return error.reason is Reason.NOT_ADDRESSABLE


def _no_cut(opening: Opening, why: str, next_step: str = "") -> LandbridgeError:
    return refuse(
        Reason.STEP_REFUSED,
        f"{why}, and so it cannot be given no more",
        where=f"case {opening.id}",
        next_step=next_step or "name the records by other columns: `record` in node.toml",
    )


def _no_record(why: str) -> LandbridgeError:
    return refuse(Reason.NO_SUCH_RECORD, why, where="opening of a case")
