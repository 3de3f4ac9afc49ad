"""A throw-away federation around one node: its agency, a gateway, and requesters who try it.

Each requester tries one thing, and is party to the memorandum that is made for it. A desk vouches
for consents. All keys lie in a temporary folder, and are worth nothing elsewhere.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from certs.federation import FederationPki, PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.federation import Federation
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm
from landbridge.query import Wanted, write_query
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import envelope_pb2
from node.node_file import DatasetTable

TOPICS: Final = (
    *("all", "fields", "rows", "others", "purposes", "stranger", "late", "early", "half"),
    *("quota", "questions", "sealed", "consent", "suspended"),
)
"""What is tried, each by a requester of its own."""
DESK: Final = "desk"
"""Vouches for consents, as the memoranda of the kit say."""
OTHER_DESK: Final = "other-desk"
"""Vouches for consents, and no memorandum takes its word."""
_NOWHERE: Final = "127.0.0.1:1"
_ALWAYS: Final = {"from": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
_NODE: Final = (KeyUse.LOG, KeyUse.MEMORANDUM)
_ASKING: Final = (KeyUse.QUERY, KeyUse.LOG, KeyUse.MEMORANDUM)


def name_of(topic: str) -> str:
    """Return the agency that tries a topic; its memorandum is called the same."""
    return f"conform-{topic}"


class Parties:
    """The throw-away federation; the words are those of the real one."""

    def __init__(self, folder: Path, federation: Federation, agency: str) -> None:
        self.agency = agency
        self.gateway = federation.gateway
        plans = [
            PartyPlan(agency, Role.NODE, agency, _NODE, address=_NOWHERE),
            PartyPlan(
                self.gateway.agency,
                Role.GATEWAY,
                self.gateway.agency,
                (KeyUse.LOG,),
                self.gateway.name,
                _NOWHERE,
            ),
            *(PartyPlan(name_of(it), Role.REQUESTER, name_of(it), _ASKING) for it in TOPICS),
            *(
                PartyPlan(name_of(it), Role.REQUESTER, name_of(it), (KeyUse.CONSENT,))
                for it in (DESK, OTHER_DESK)
            ),
        ]
        self.pki: FederationPki = create_federation(folder, federation.name, plans)
        self.node = self.pki.state(agency, Role.NODE)
        self.federation = federation
        self.purpose = next(iter(federation.purposes))
        """For what every clause is granted."""
        self.agreed: dict[str, Memorandum] = {}
        """What was made of each topic, by the requester who tries it."""
        self._cases = itertools.count(1)

    def folder(self, topic: str) -> Path:
        """Return the folder of the requester who tries a topic."""
        return self.pki.state(name_of(topic), Role.REQUESTER)

    @property
    def gateway_folder(self) -> Path:
        """The folder of the gateway."""
        return self.pki.state(self.gateway.agency, Role.GATEWAY, self.gateway.name)

    def key(self, agency: str, use: KeyUse) -> SigningKey:
        """Return a party's signing key."""
        return next(
            party.keys[use]
            for identity, party in self.pki.parties.items()
            if identity.agency == agency and use in party.keys
        )

    def grant(self, topic: str, dataset: DatasetTable, **terms: object) -> dict[str, Any]:
        """Write a clause that releases all of a dataset to a topic's requester, but for `terms`."""
        written: dict[str, Any] = {
            "clause": dataset.name[:40],
            "provider": self.agency,
            "dataset": dataset.name,
            "requesters": [name_of(topic)],
            "fields": [field.name for field in dataset.fields],
            "purposes": [self.purpose],
            "subject_kinds": [str(dataset.subject_kind)],
        }
        if dataset.subject_kind is SubjectKind.NATURAL_PERSON:
            written["statute"] = "None: a trial of the agency's own node, on its own machine"
        return {key: value for key, value in (written | terms).items() if value is not None}

    def agree(self, topic: str, grants: Sequence[Mapping[str, Any]], **terms: object) -> Memorandum:
        """Make the memorandum of a topic.

        Raises:
            LandbridgeError: LB-4101 when it is none.
        """
        written = {
            "memorandum": name_of(topic),
            "title": f"Trial: {topic}",
            "illustrative": True,
            "parties": [self.agency, name_of(topic)],
            "legal_basis": "None: a trial",
            "valid": _ALWAYS,
            "grants": list(grants),
            **terms,
        }
        made = Memorandum.model_validate_json(json.dumps(written))
        self.agreed[name_of(topic)] = Memorandum.from_json(made.to_json())
        return self.agreed[name_of(topic)]

    def sign(self, memorandum: Memorandum, signers: Sequence[str] = ()) -> bytes:
        """Sign a memorandum: as all its parties, or as some of them."""
        form = SignedForm(memorandum.to_json())
        for party in signers or memorandum.parties:
            form = form.add(self.key(party, KeyUse.MEMORANDUM), party)
        return form.to_bytes()

    def query(  # noqa: PLR0913 - the parts of a query, by name
        self,
        topic: str,
        subject: SubjectId,
        *,
        purpose: str = "",
        wanted: Sequence[Wanted] = (),
        seal_to: bytes = b"",
        consents: Sequence[bytes] = (),
        at: int = 0,
        lifetime_ms: int = 60_000,
    ) -> envelope_pb2.Envelope:
        """Sign a query as the requester who tries a topic, in a case of its own."""
        payload = write_query(
            federation=self.federation,
            requester=name_of(topic),
            subject=subject,
            purpose=purpose or self.purpose,
            case_reference=f"CONFORMANCE-{next(self._cases)}",
            wanted=wanted,
            at=at or system_clock(),
            lifetime_ms=lifetime_ms,
            seal_to=seal_to,
            consents=consents,
        )
        return self.sign_query(topic, payload)

    def sign_query(self, topic: str, payload: bytes) -> envelope_pb2.Envelope:
        """Sign any bytes as a query of the requester who tries a topic."""
        key = self.key(name_of(topic), KeyUse.QUERY)
        return sign_batch(QUERY_TYPE, [payload], key)[0]
