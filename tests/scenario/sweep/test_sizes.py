"""What the points of a sweep take together."""

import pytest

from sdesim.errors import ScenarioError
from sdesim.io.memory import forced
from sdesim.scenario.estimate import estimate
from sdesim.scenario.sweep import sizes
from sdesim.scenario.sweep.points import parse_sweep
from sdesim.scenario.sweep.run import run_sweep
from sdesim.scenario.sweep.sizes import estimate_points
from tests.scenario.sweep.toy import TOY

SWEEP = parse_sweep(TOY)
ALONE = estimate(SWEEP.points[0].scenario)


def test_disks_add_and_so_does_the_memory_of_points_that_are_run_at_a_time():
    one, two, many = (estimate_points(SWEEP.points, workers) for workers in (1, 2, 9))

    assert one.disk == two.disk == pytest.approx(4 * ALONE.disk)
    assert one.memory == pytest.approx(ALONE.memory)
    assert two.memory == pytest.approx(2 * ALONE.memory)
    assert many.memory == pytest.approx(4 * ALONE.memory)


def test_points_that_do_not_fit_together_are_refused_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(sizes, "available_memory", lambda: 2.5 * ALONE.memory)

    with pytest.raises(ScenarioError, match=r"^workers: found 3, allowed: at most 2 here: so many points"):
        run_sweep(SWEEP, tmp_path / "x", workers=3, progress=False)

    monkeypatch.setattr(sizes, "free_disk", lambda path: 3.5 * ALONE.disk)
    with pytest.raises(ScenarioError, match=r"^toy: arms\.sde.*, for 4 points; --force takes it as it is$"):
        run_sweep(SWEEP, tmp_path / "x", progress=False)
    assert not any(tmp_path.iterdir())


def test_force_reaches_the_points(monkeypatch, tmp_path):
    # A point that is checked where it runs finds no memory.
    from sdesim.io import memory

    monkeypatch.setattr(memory, "_free", lambda: 1.0)
    with forced():
        found = run_sweep(SWEEP, tmp_path / "x", only=["dt=0.1", "diffusion=0.1"], progress=False)

    assert [p["state"] for p in found["points"]].count("finished") == 1


def test_times_of_three_points_stand_for_those_between(monkeypatch):
    text = TOY[: TOY.index("sweep:")] + "sweep: {arms.sde.simulate.steps: [100, 200, 300, 400, 500]}"
    points = parse_sweep(text).points
    asked = []

    def timed(scenario, threads):
        asked.append(scenario.steps("sde"))
        return {"sde": {100: 1.0, 300: 3.0, 500: 7.0}[asked[-1]]}

    monkeypatch.setattr(sizes, "seconds", timed)
    monkeypatch.setattr(sizes.os, "cpu_count", lambda: 2)

    # 1 + 2 + 3 + 5 + 7 seconds, one point at a time or two, as this machine has cores, or three on others.
    assert sizes.seconds_of_points(points) == pytest.approx(18)
    assert sizes.seconds_of_points(points, 2) == pytest.approx(9)
    assert sizes.seconds_of_points(points, 3) == pytest.approx(9)
    assert sizes.seconds_of_points(points, 3, here=False) == pytest.approx(6)
    assert asked[:3] == [100, 300, 500]
    monkeypatch.setattr(sizes, "seconds", lambda scenario, threads: {})
    assert sizes.seconds_of_points(points) is None
