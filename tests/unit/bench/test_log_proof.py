"""The bench of proofs and look-ups makes a real log, and goes on with one that was kept."""

from pathlib import Path

from bench.log_proof import Size, measure_proof


def test_a_small_log_is_made_measured_and_kept(tmp_path: Path) -> None:
    said: list[str] = []
    first = measure_proof(Size(1500, 20, measured=5), said.append, tmp_path / "kept")
    assert first["proof_bytes"] < 2048
    assert first["accesses_found"] > 0
    assert first["build_entries_per_s"] > 0
    again = measure_proof(Size(1500, 20, measured=5), said.append, tmp_path / "kept")
    assert (again["build_entries_per_s"], again["entries"]) == (0, 1500)
