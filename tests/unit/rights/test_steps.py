"""The states of a case: every sequence of steps, of which only the legal ones pass."""

from hypothesis import given
from hypothesis import strategies as st

from landbridge.rights.steps import CaseKind, CaseState, Step, state_after, steps_after

LEGAL = {
    CaseKind.DISPUTE: {
        (Step.OPENED, *extended, *decided)
        for extended in ((), (Step.EXTENDED,))
        for decided in (
            (),
            (Step.UPHELD,),
            (Step.CORRECTED,),
            (Step.REJECTED,),
            (Step.UPHELD, Step.ISSUED),
            (Step.CORRECTED, Step.ISSUED),
        )
    },
    CaseKind.REPAIR: {
        (Step.REQUESTED,),
        (Step.REQUESTED, Step.UNDER_REVIEW),
        (Step.REQUESTED, Step.UNDER_REVIEW, Step.REPAIRED),
        (Step.REQUESTED, Step.UNDER_REVIEW, Step.REFUSED),
        (Step.REQUESTED, Step.UNDER_REVIEW, Step.REPAIRED, Step.ISSUED),
    },
}
"""Every way that a case may take, written out."""


@given(st.sampled_from(CaseKind), st.lists(st.sampled_from(Step), min_size=1, max_size=6))
def test_only_the_legal_sequences_pass(kind: CaseKind, wanted: list[Step]) -> None:
    taken: list[Step] = []
    for step in wanted:
        if step in steps_after(kind, taken):
            taken.append(step)
            assert tuple(taken) in LEGAL[kind]
        else:
            assert (*taken, step) not in LEGAL[kind]


def test_every_legal_way_can_be_taken() -> None:
    for kind, ways in LEGAL.items():
        for way in ways:
            for number, step in enumerate(way):
                assert step in steps_after(kind, way[:number]), (way, step)


def test_what_is_open_and_what_withdraws() -> None:
    opened = {state for state in CaseState if state.is_open}
    assert opened == {CaseState.OPEN, CaseState.REQUESTED, CaseState.UNDER_REVIEW}
    assert {state for state in CaseState if state.withdraws} == {
        CaseState.UPHELD,
        CaseState.REPAIRED,
    }
    assert state_after((Step.OPENED, Step.EXTENDED)) is CaseState.OPEN
    assert state_after((Step.OPENED, Step.CORRECTED, Step.ISSUED)) is CaseState.CORRECTED
