"""Memoranda for tests: one right text, from which each test makes the wrong one it needs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.document import Memorandum

TEXT = """\
memorandum: ed-2026-01
title: Review of institutions
illustrative: true
parties: [nces.ed, board.ny]
legal_basis: "20 U.S.C. 1099b"
valid: {from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}
link_sources: [nces.ed/institutions, va/crosswalk]
grants:
  - clause: "2.1"
    provider: nces.ed
    dataset: institutions
    requesters: [board.ny]
    fields: [name, city]
    where:
      - {field: status, in: [active, closed]}
      - {field: closed_on, ge: 2015-01-01}
    purposes: [approval-review]
    subject_kinds: [legal-entity]
  - clause: "2.2"
    provider: nces.ed
    dataset: institutions
    requesters: [board.ny]
    fields: [phone]
    purposes: [approval-review, complaint]
    subject_kinds: [legal-entity]
    legal_basis: State law 12
    valid: {from: 2026-06-01T00:00:00Z, until: 2026-12-31T00:00:00Z}
"""

WHOLE = """\
memorandum: whole-2026
title: Every key that there is
illustrative: true
parties: [nces.ed, board.ny, desk.ny]
legal_basis: "20 U.S.C. 1099b"
valid: {from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}
link_sources: [nces.ed/institutions]
stale_revocation: serve
amends: whole-2025
consent_desks: [desk.ny]
grants:
  - clause: "2.1"
    provider: nces.ed
    dataset: institutions
    requesters: [board.ny]
    fields: [name, city]
    where:
      - {field: closed_on, within: P5Y}
      - any:
          - {field: status, in: [active, closed]}
          - all:
              - {field: size, between: [10, 99]}
              - not: {field: city, eq: Troy}
              - {field: left_on, is-null: true}
    purposes: [approval-review]
    subject_kinds: [legal-entity]
    quota: {queries: 100, per: day}
    sealed: true
    retention: P2Y
    fresh_within: P1M
    delayed_disclosure: {legal_basis: "Inquiries Act, section 9", delay: P6M}
    legal_basis: State law 12
    valid: {from: 2026-06-01T00:00:00Z, until: 2026-12-31T00:00:00Z}
  - clause: "2.2"
    provider: nces.ed
    dataset: teachers
    requesters: [board.ny, desk.ny]
    predicates:
      - name: licensed-on
        title: Was there a licence on that day?
        asks: {day: {type: date}, level: {type: integer, of: [1, 2]}}
        when:
          - {field: licensed_on, le: {asked: day}}
          - {field: level, eq: {asked: level}}
    purposes: [approval-review, complaint]
    subject_kinds: [natural-person]
  - clause: "2.3"
    provider: nces.ed
    dataset: teachers
    requesters: [board.ny]
    fields: [licence]
    purposes: [complaint]
    subject_kinds: [natural-person]
    statute: Education Act, section 7
"""
"""A memorandum that holds every key."""


def write_text(folder: Path, text: str = TEXT, name: str = "ed-2026-01.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def make_memorandum(  # noqa: PLR0913  by name, each with a default
    grants: Sequence[Mapping[str, Any]],
    *,
    name: str = "m-1",
    parties: Sequence[str] = ("p.a", "r.a"),
    valid: tuple[str, str] = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    link_sources: Sequence[str] = (),
    stale_revocation: str = "refuse",
    amends: str = "",
) -> Memorandum:
    """Make a memorandum whose grants leave out what does not matter to the test."""
    usual = {
        "clause": "1",
        "provider": "p.a",
        "dataset": "d",
        "requesters": ["r.a"],
        "fields": ["f"],
        "purposes": ["why"],
        "subject_kinds": ["legal-entity"],
    }
    document = {
        "memorandum": name,
        "title": "Title",
        "parties": list(parties),
        "legal_basis": "Law",
        "valid": {"from": valid[0], "until": valid[1]},
        "link_sources": list(link_sources),
        "stale_revocation": stale_revocation,
        "grants": [
            # What a clause releases is either fields or predicates.
            {k: v for k, v in usual.items() if k != "fields" or "predicates" not in grant}
            | dict(grant)
            for grant in grants
        ],
    } | ({"amends": amends} if amends else {})
    return Memorandum.model_validate_json(json.dumps(document))


class KeyRing:
    """Keys for memoranda of several agencies, found by key id as in a trust bundle."""

    def __init__(self, *agencies: str) -> None:
        self.keys = {agency: SigningKey.generate(agency, KeyUse.MEMORANDUM) for agency in agencies}

    def find(self, key_id: str) -> tuple[str, Ed25519PublicKey]:
        for agency, key in self.keys.items():
            if key.key_id == key_id:
                return agency, key.public
        raise refuse(Reason.UNTRUSTED_KEY, f"{key_id} is not in the bundle")
