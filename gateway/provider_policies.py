"""What all memoranda allow, provider by provider: as each provider's own node sees it.

A gateway holds the memoranda of everybody, and two sets of parties may have given one id to two
texts. A provider's policy is made of those alone that it is a party of, so that nobody keeps an id
from others by taking it first, nor ends an agreement of theirs.
"""

from collections.abc import Iterable, Sequence

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice
from landbridge.policy.authorization import AccessRequest, Clause, FieldRefusal, Policy
from landbridge.policy.coverage import Coverage


class ProviderPolicies(Policy):
    """One policy a provider, asked like one of all."""

    def __init__(self, memoranda: Iterable[Memorandum], notices: Iterable[Notice] = ()) -> None:
        """Lay out the memoranda of each provider; of two with one id the first counts."""
        super().__init__(())
        notices = tuple(notices)
        texts: dict[str, dict[str, Memorandum]] = {}
        for memorandum in memoranda:
            for party in memorandum.parties:
                texts.setdefault(party, {}).setdefault(memorandum.id, memorandum)
        providers = {
            grant.provider
            for held in texts.values()
            for memorandum in held.values()
            for grant in memorandum.grants
        }
        self._policies = {
            provider: Policy((_part(text, provider) for text in texts[provider].values()), notices)
            for provider in sorted(providers)
        }
        self._none = Policy(())
        self.memoranda = tuple(
            memorandum for policy in self._policies.values() for memorandum in policy.memoranda
        )

    def clauses(self, provider: str, dataset: str) -> Sequence[Clause]:
        """Every clause on a dataset, in or out of force, in order."""
        return self._of(provider).clauses(provider, dataset)

    def datasets(self, provider: str) -> list[str]:
        """Every dataset of a provider that a clause names."""
        return self._of(provider).datasets(provider)

    def link_sources(self, provider: str, requester: str, purpose: str, at: int) -> frozenset[str]:
        """Datasets whose identifier links the provider accepts."""
        return self._of(provider).link_sources(provider, requester, purpose, at)

    def coverage(self, request: AccessRequest) -> Coverage | None:
        """The clauses that name everything of the request but time and fields."""
        return self._of(request.provider).coverage(request)

    def known_predicates(self, provider: str, dataset: str, agency: str) -> frozenset[str]:
        """The predicates of a dataset that an agency may know of."""
        return self._of(provider).known_predicates(provider, dataset, agency)

    def consent_desks(self, provider: str, requester: str, purpose: str, at: int) -> frozenset[str]:
        """Agencies whose word the provider takes for a person's consent to this."""
        return self._of(provider).consent_desks(provider, requester, purpose, at)

    def nearest_miss(self, request: AccessRequest) -> FieldRefusal:
        """Why no clause names requester, purpose and subject kind of the request together."""
        return self._of(request.provider).nearest_miss(request)

    def _of(self, provider: str) -> Policy:
        return self._policies.get(provider, self._none)


def _part(memorandum: Memorandum, provider: str) -> Memorandum:
    """Return a memorandum with one provider's clauses alone; it goes on by its own digest."""
    digest = memorandum.digest
    part = memorandum.model_copy(
        update={"grants": tuple(g for g in memorandum.grants if g.provider == provider)}
    )
    # What it is known by to notices is the text that was signed.
    part.__dict__["digest"] = digest
    return part
