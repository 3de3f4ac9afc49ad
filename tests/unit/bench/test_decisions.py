"""The bench of decisions measures what it says, at a small size."""

from bench.decisions import Agreements, measure_decisions


def test_decisions_and_differences_are_measured() -> None:
    said: list[str] = []
    result = measure_decisions(Agreements(memoranda=3, grants=4, decisions=50), said.append)
    assert said[0] == "3 memoranda of 4 grants"
    assert result["differences"] > 0
    assert result["matrix_cells"] > 0
    assert result["decision_us"]["p50"] > 0
