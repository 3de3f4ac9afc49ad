"""The words of matrix, difference, lapse and audit: times, circumstances, records, clauses."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from landbridge.clock import to_datetime
from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.outlook import STANDINGS, Access
from landbridge.policy.possible_record import Witness, words_of

_ORDINARY: Final = frozenset(standing for standing in STANDINGS if not standing.stale)


def moment(at: int) -> str:
    """Write a time as memoranda do, to the second; parts of a second are shown where there are."""
    written = to_datetime(at).isoformat(timespec="milliseconds" if at % 1000 else "seconds")
    return written.replace("+00:00", "Z")


def clause_of(clause: Clause | None) -> str:
    """Name a clause."""
    return f"{clause.memorandum.id} {clause.grant.clause}" if clause else ""


def rows_of(clause: Clause) -> str:
    """Write which records a clause releases."""
    return " and ".join(f"({rule})" for rule in clause.grant.where) or "every record"


def circumstances(standings: Collection[Standing]) -> str:
    """Say in which circumstances something holds; empty where in all that are ordinary."""
    kept = frozenset(standings)
    ordinary = kept & _ORDINARY
    words = []
    for name, yes, no in (
        ("consented", "with the person's consent", "without the person's consent"),
        ("sealed", "in sealed answers", "in answers that are not sealed"),
    ):
        values = {getattr(standing, name) for standing in ordinary or kept}
        if len(values) == 1:
            words.append(yes if True in values else no)
    if kept and not ordinary:
        words.append("while revocation data are too old")
    elif kept - _ORDINARY:
        words.append("also while revocation data are too old")
    return ", ".join(words)


def record_of(witness: Witness | None) -> str:
    """Describe a record that shows a difference."""
    if witness is None:
        return ""
    if not witness.values:
        return "every record"
    values = ", ".join(f"{field} {words_of(value)}" for field, value in witness.values)
    day = f" (on {witness.day.isoformat()})" if witness.day else ""
    return f"a record with {values}{day}"


def witness_document(witness: Witness | None) -> Mapping[str, Any] | None:
    """Write a record that shows a difference for programs."""
    if witness is None:
        return None
    return {
        "values": {field: words_of(value) for field, value in witness.values},
        "day": witness.day.isoformat() if witness.day else None,
    }


def access_document(access: Access) -> dict[str, str]:
    """Write who reads what, for programs."""
    return {
        "requester": access.requester,
        "provider": access.provider,
        "dataset": access.dataset,
        "purpose": access.purpose,
        "subject_kind": access.subject_kind.value,
    }
