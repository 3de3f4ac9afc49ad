"""Where a verified profile comes from, as PROV-JSON: who answered, by which clause, who assembled.

Entities: the query, each answer, each record, the profile, each memorandum. Activities: the asking,
each answering, the assembling. Values, and whom they are about, are not part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landbridge.clock import to_iso

_PREFIXES: Final = {
    "lb": "urn:landbridge:vocabulary#",
    "agency": "urn:landbridge:agency:",
    "memorandum": "urn:landbridge:memorandum:",
}
_PROFILE: Final = "lb:profile"
_QUERY: Final = "lb:query"
_ASSEMBLING: Final = "lb:assembling"
_ASKING: Final = "lb:asking"


@dataclass(frozen=True, slots=True)
class Answered:
    """One signed answer: which agency gave it, when (Unix milliseconds), and what it signed."""

    agency: str
    answered_at: int
    digest: str
    """SHA-256 of the signed bytes, in hex."""
    datasets: frozenset[str] = frozenset()
    """The datasets whose records it gave."""


def write_provenance(document: Mapping[str, Any], answers: Sequence[Answered]) -> dict[str, Any]:
    """Write the provenance of a profile document that has been verified, and of its answers."""
    trail = _Trail(document)
    for number, answer in enumerate(answers, start=1):
        trail.add_answer(f"lb:answer-{number}", f"lb:answering-{number}", answer)
    trail.add_records(answers)
    return trail.written


class _Trail:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        query, assembled = document["query"], document["assembled_at"]
        gateway = document["gateway"].partition("/")[0]
        self.written: dict[str, Any] = {
            "prefix": _PREFIXES,
            "entity": {
                _QUERY: {
                    "prov:type": _type("lb:Query"),
                    "lb:purpose": query["purpose"],
                    "lb:case": query["case"],
                },
                _PROFILE: {
                    "prov:type": _type("lb:Profile"),
                    "lb:federation": document["federation"],
                },
            },
            "activity": {
                _ASKING: {"prov:startTime": query["issued_at"], "prov:endTime": query["issued_at"]},
                _ASSEMBLING: {"prov:startTime": query["issued_at"], "prov:endTime": assembled},
            },
            "agent": {},
        }
        self._agent(query["requester"])
        self._agent(gateway)
        self._relate("wasGeneratedBy", entity=_QUERY, activity=_ASKING)
        self._relate("wasAssociatedWith", activity=_ASKING, agent=f"agency:{query['requester']}")
        self._relate("wasAttributedTo", entity=_QUERY, agent=f"agency:{query['requester']}")
        self._relate("used", activity=_ASSEMBLING, entity=_QUERY)
        self._relate("wasAssociatedWith", activity=_ASSEMBLING, agent=f"agency:{gateway}")
        self._relate("wasGeneratedBy", entity=_PROFILE, activity=_ASSEMBLING, time=assembled)
        self._relate("wasAttributedTo", entity=_PROFILE, agent=f"agency:{gateway}")

    def add_answer(self, name: str, activity: str, answer: Answered) -> None:
        self._agent(answer.agency)
        moment = to_iso(answer.answered_at)
        self.written["entity"][name] = {
            "prov:type": _type("lb:Answer"),
            "lb:sha256": answer.digest,
        }
        self.written["activity"][activity] = {"prov:startTime": moment, "prov:endTime": moment}
        self._relate("used", activity=activity, entity=_QUERY)
        self._relate("wasGeneratedBy", entity=name, activity=activity, time=moment)
        self._relate("wasAssociatedWith", activity=activity, agent=f"agency:{answer.agency}")
        self._relate("wasAttributedTo", entity=name, agent=f"agency:{answer.agency}")
        self._relate("used", activity=_ASSEMBLING, entity=name)
        self._relate("wasDerivedFrom", generatedEntity=_PROFILE, usedEntity=name)

    def add_records(self, answers: Sequence[Answered]) -> None:
        """Add each record, what it belongs to, and by which clauses it was released."""
        self.written["entity"] |= {
            f"memorandum:{memorandum}": {"prov:type": _type("prov:Plan")}
            for memorandum in self._memoranda()
        }
        for place, section in enumerate(self._document["sections"], start=1):
            source = f"{section['agency']}/{section['dataset']}"
            for number, record in enumerate(section["records"], start=1):
                name = f"lb:record-{place}-{number}"
                self.written["entity"][name] = _record(source, record)
                self._relate("wasAttributedTo", entity=name, agent=f"agency:{section['agency']}")
                self._relate("hadMember", collection=_PROFILE, entity=name)
                for memorandum in dict.fromkeys(each["memorandum"] for each in record["values"]):
                    self._relate(
                        "wasInfluencedBy", influencee=name, influencer=f"memorandum:{memorandum}"
                    )
                for answer, each in enumerate(answers, start=1):
                    if each.agency == section["agency"] and section["dataset"] in each.datasets:
                        self._relate(
                            "wasDerivedFrom", generatedEntity=name, usedEntity=f"lb:answer-{answer}"
                        )

    def _memoranda(self) -> list[str]:
        return sorted(
            {
                value["memorandum"]
                for section in self._document["sections"]
                for record in section["records"]
                for value in record["values"]
            }
        )

    def _agent(self, agency: str) -> None:
        self.written["agent"].setdefault(
            f"agency:{agency}", {"prov:type": _type("prov:Organization")}
        )

    def _relate(self, relation: str, **ends: str) -> None:
        found = self.written.setdefault(relation, {})
        found[f"_:{relation}{len(found) + 1}"] = {f"prov:{end}": it for end, it in ends.items()}


def _type(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _record(source: str, record: Mapping[str, Any]) -> dict[str, Any]:
    clauses = dict.fromkeys(
        f"{value['memorandum']} {value['clause']}" for value in record["values"]
    )
    return {
        "prov:type": _type("lb:Record"),
        "lb:dataset": source,
        "lb:record": record.get("record", ""),
        "lb:asOf": record.get("as_of", ""),
        "lb:clause": list(clauses),
    }
