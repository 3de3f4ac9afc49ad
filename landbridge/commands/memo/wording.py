"""The words of matrix, difference, lapse and audit: times, circumstances, records, clauses."""

from collections.abc import Collection, Mapping
from typing import Any

from landbridge.clock import to_datetime
from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.outlook import Access
from landbridge.policy.possible_record import Witness, words_of


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
    usual = [standing for standing in standings if not standing.stale]
    kept = usual or list(standings)
    words = []
    if all(standing.consented for standing in kept):
        desks = sorted({desk for each in kept for desk in each.vouched_by or () if _alone(each)})
        word = "" if not desks else f", by the word of {' or '.join(desks)}"
        words.append(f"with the person's consent{word}")
    elif not any(standing.consented for standing in kept):
        words.append("without the person's consent")
    if len({standing.sealed for standing in kept}) == 1:
        words.append("in sealed answers" if kept[0].sealed else "in answers that are not sealed")
    if not usual:
        words.append("while revocation data are too old")
    elif len(usual) < len(standings):
        words.append("also while revocation data are too old")
    return ", ".join(words)


def _alone(standing: Standing) -> bool:
    return standing.vouched_by is not None and len(standing.vouched_by) == 1


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
