"""What counts for cases on each dataset: the law that sets the time, and who decides on repairs."""

from collections.abc import Mapping
from dataclasses import dataclass

from landbridge.federation import Federation
from landbridge.jurisdiction import Jurisdiction
from landbridge.rights.case import Case
from landbridge.rights.steps import CaseKind
from node.config import NodeConfig


@dataclass(frozen=True, slots=True)
class CaseRules:
    """What counts for cases on one dataset."""

    law: Jurisdiction | None
    """None where no time is set."""
    repairs_by: str
    """The agency that decides on repairs."""
    fields: frozenset[str]

    def deciding(self, agency: str, kind: CaseKind) -> str:
        """Name the agency whose decision it is; of disputes, the one that holds the record."""
        return agency if kind is CaseKind.DISPUTE else self.repairs_by

    def keeps_statement(self, case: Case) -> bool:
        """Whether a rejected dispute's statement travels on."""
        return case.kind is CaseKind.DISPUTE and self.law is not None and self.law.statement_stays


def case_rules(config: NodeConfig, federation: Federation) -> Mapping[str, CaseRules]:
    """Say what counts for each dataset of a node."""
    return {
        dataset.name: CaseRules(
            law=federation.jurisdictions.get(
                dataset.jurisdiction or config.rights.jurisdiction or ""
            ),
            repairs_by=dataset.deciding or config.node.agency,
            fields=frozenset(field.name for field in dataset.fields),
        )
        for dataset in config.datasets
    }
