"""The benchmark runs small without peers, and the C loop simulates the very same trajectories."""

from __future__ import annotations

import math
import shutil

import pytest

from sdesim.errors import SdesimError
from sdesim.shipped import shipped_folder, study

COMPILER = any(shutil.which(name) for name in ("clang", "gcc", "cc"))


@pytest.fixture(scope="module")
def benchmarks():
    return study("benchmarks")


@pytest.fixture(scope="module")
def measured(benchmarks, tmp_path_factory):
    out = tmp_path_factory.mktemp("bench")
    tiny = benchmarks.Settings(rounds=2, scale=0.02)
    return out, benchmarks.run_benchmarks(out, ("A", "C"), peers=False, settings=tiny)


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
@pytest.mark.parametrize("problem", ["A", "C"])
def test_the_c_loop_simulates_the_trajectories_of_sdesim(measured, problem):
    # The C loop draws as Chambers, Mallows and Stuck do.
    own = "sdesim" if problem == "A" else "sdesim, Chambers–Mallows–Stuck"
    square = {
        r["name"]: r["details"].get("mean_square") for r in measured[1]["rows"] if r["problem"] == problem
    }
    ours, theirs = square[own], square["C loop"]

    # Same draws and same order; only fused multiply-adds differ, by 1e-16 a step over at most 200 steps.
    assert theirs == pytest.approx(ours, rel=1e-12)
    # Far from the start θ₀² = 1, so that equality says something.
    assert abs(ours - 1.0) > 1e-4


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_every_ratio_is_finite_and_the_results_are_written(measured):
    out, found = measured
    compared = [r for r in found["rows"] if r["name"] == "C loop"]

    assert [r["problem"] for r in compared] == ["A", "C"]
    for row in compared:
        assert math.isfinite(row["ratio"])
        assert 0 < row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    assert not any("another law" in r["note"] for r in found["rows"])
    assert "| **A** 1-D double well, Gaussian | **sdesim** |" in (out / "table.md").read_text()
    assert (out / "bench.json").exists()
    assert (out / "ratios.png").exists()


def test_a_contestant_of_another_law_is_told_apart(benchmarks):
    from importlib import import_module

    contest = import_module(f"{benchmarks.__name__}.contest")

    class Fixed:
        def run(self, steps):
            return {"moment": 0.5, "moment_error": 0.001}

    base = contest.Entry(contest.CONTESTANTS[0], Fixed(), 1, 1, [])
    same, other = (
        contest.Entry(contest.CONTESTANTS[1], None, 1, 1, [{"moment": m, "moment_error": 0.001}])
        for m in (0.505, 0.55)
    )

    problem = contest.PROBLEMS["A"]
    assert contest.other_law(problem, same, base) == ""
    assert "another law" in contest.other_law(problem, other, base)


def test_a_peer_that_does_not_install_is_a_row_that_says_why(benchmarks, tmp_path, monkeypatch):
    from importlib import import_module

    environments = import_module(f"{benchmarks.__name__}.environments")
    (tmp_path / "nothing.txt").write_text("--no-index\nsurely-no-such-package==1\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments.platformdirs, "user_cache_dir", lambda name: str(tmp_path))

    with pytest.raises(environments.Missing, match=r"not installed: .*surely-no-such-package"):
        environments.environment("nothing", lambda message: None)


def test_readings_by_different_readers_agree_and_are_named_by_their_size(benchmarks, tmp_path):
    tiny = benchmarks.Settings(rounds=1, scale=0.02)
    found = benchmarks.run_benchmarks(tmp_path, ("H",), peers=False, settings=tiny)

    # Without peers: four readings by sdesim, and exact noise by one backward pass, on the smallest network.
    own = ["sdesim"]
    assert [row["name"] for row in found["rows"]] == own * 3 + ["sdesim, one backward pass"] + own
    assert all(row["value"] > 0 for row in found["rows"])
    assert not any("another answer" in row["note"] for row in found["rows"])


def test_letters_are_checked(benchmarks, tmp_path):
    with pytest.raises(SdesimError, match="only takes letters out of A, B, C, D, E, F, G, H, I, J, got Q"):
        benchmarks.run_benchmarks(tmp_path, ("A", "Q"))


def test_shipped_files_are_found_in_a_checkout():
    assert (shipped_folder("scenarios") / "quickstart" / "quickstart.yaml").exists()
    assert (shipped_folder("analysis", "benchmarks") / "contestants" / "loop.c").exists()
