"""`python -m bench decisions`: how long one decision and the difference of two federations take.

Both have 500 memoranda of 20 grants. In the second federation every memorandum is amended: one
grant of each lets other records through, one releases another field, one has another quota.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from time import perf_counter
from typing import Any, Final

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.policy.difference import compare
from landbridge.policy.matrix import Matrix
from landbridge.policy.possible_record import RecordFinder
from landbridge.policy.row_values import FieldType, ValueKind
from landbridge.subject import SubjectKind

_AGENCIES: Final = 100
_FIELDS: Final = tuple(f"field-{number}" for number in range(12))
_PURPOSES: Final = ("review", "audit", "credit")
_NOW: Final = read_instant("2026-06-15T12:00:00Z")
_TYPES: Final = {
    "status": FieldType((ValueKind.CODE,), ("active", "closed", "other")),
    "decided_on": FieldType((ValueKind.DAY,)),
    "amount": FieldType((ValueKind.NUMBER,)),
}


@dataclass(frozen=True, slots=True)
class Agreements:
    """How much is agreed."""

    memoranda: int = 500
    grants: int = 20
    decisions: int = 200_000
    seed: int = 1


def measure_decisions(plan: Agreements, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure decisions, first and remembered ones, and the difference of two federations."""
    say(f"{plan.memoranda} memoranda of {plan.grants} grants")
    written = list(_write(plan))
    amended = [_amend(document, Random(number)) for number, document in enumerate(written)]
    started = perf_counter()
    memoranda = _read(written)
    read_s = perf_counter() - started
    started = perf_counter()
    policy = Policy(memoranda)
    load_s = perf_counter() - started
    requests = list(_requests(memoranda, plan))
    say(f"{len(requests)} decisions")
    first_us = _each_us(policy, requests[: len(requests) // 10])
    again_us = _each_us(policy, requests)
    other = Policy(_read(amended))
    say("the difference")
    # The solver is loaded once for a process, not for a difference.
    finder = RecordFinder(lambda _provider, _dataset, field: _TYPES.get(field))
    compare(Policy(memoranda[:1]), Policy(_read(amended[:1])), finder)
    finder = RecordFinder(lambda _provider, _dataset, field: _TYPES.get(field))
    started = perf_counter()
    found = compare(policy, other, finder)
    compare_s = perf_counter() - started
    started = perf_counter()
    cells = sum(1 for _ in Matrix(policy).cells(_NOW))
    matrix_s = perf_counter() - started
    return {
        "memoranda": plan.memoranda,
        "grants": plan.grants,
        "read_s": round(read_s, 2),
        "load_s": round(load_s, 2),
        "first_decision_us": _figures(first_us),
        "decision_us": _figures(again_us),
        "difference_s": round(compare_s, 2),
        "differences": len(found),
        "matrix_s": round(matrix_s, 2),
        "matrix_cells": cells,
    }


def _write(plan: Agreements) -> Iterator[dict[str, Any]]:
    random = Random(plan.seed)
    agencies = [f"agency-{number}" for number in range(_AGENCIES)]
    for number in range(plan.memoranda):
        provider, *requesters = random.sample(agencies, 4)
        yield {
            "memorandum": f"m-{number:03}",
            "title": "Exchange of records",
            "parties": [provider, *requesters],
            "legal_basis": "Law",
            "valid": {"from": "2026-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"},
            "grants": [
                _grant(clause, provider, requesters, random) for clause in range(plan.grants)
            ],
        }


def _grant(number: int, provider: str, requesters: list[str], random: Random) -> dict[str, Any]:
    return {
        "clause": str(number + 1),
        "provider": provider,
        "dataset": f"dataset-{number % 7}",
        "requesters": random.sample(requesters, 2),
        "fields": random.sample(_FIELDS, 6),
        "where": [
            {"field": "status", "in": ["active", "closed"]},
            {"any": [{"field": "decided_on", "ge": f"20{random.randint(10, 25)}-01-01"},
                     {"field": "amount", "gt": random.randint(1, 1000) * 100}]},
        ],
        "purposes": random.sample(_PURPOSES, 2),
        "subject_kinds": ["legal-entity"],
    }  # fmt: skip


def _amend(document: dict[str, Any], random: Random) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(document))
    rows, fields, quota = random.sample(changed["grants"], min(3, len(changed["grants"])))
    rows["where"][0] = {"field": "status", "eq": "active"}
    fields["fields"] = random.sample(_FIELDS, 6)
    quota["quota"] = {"queries": 100, "per": "day"}
    return changed


def _read(written: list[dict[str, Any]]) -> list[Memorandum]:
    return [Memorandum.model_validate_json(json.dumps(document)) for document in written]


def _requests(memoranda: list[Memorandum], plan: Agreements) -> Iterator[AccessRequest]:
    random = Random(plan.seed)
    for _ in range(plan.decisions):
        grant = random.choice(random.choice(memoranda).grants)
        request = AccessRequest(
            grant.provider,
            grant.dataset,
            random.choice(grant.requesters),
            random.choice(grant.purposes),
            SubjectKind.LEGAL_ENTITY,
            _FIELDS,
            _NOW,
        )
        # One in five is refused.
        yield replace(request, purpose="other") if random.random() < 0.2 else request  # noqa: PLR2004


def _each_us(policy: Policy, requests: list[AccessRequest]) -> list[float]:
    spent = []
    for request in requests:
        started = perf_counter()
        authorize(policy, request)
        spent.append((perf_counter() - started) * 1e6)
    return spent


def _figures(spent: list[float]) -> dict[str, float]:
    ordered = sorted(spent)
    return {
        "mean": round(sum(ordered) / len(ordered), 2),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[len(ordered) * 99 // 100], 2),
    }
