"""Scenarios that this machine does not hold are refused at their field, before anything is made."""

import tracemalloc

import pytest

from sdesim.errors import ScenarioError
from sdesim.io import disk, memory
from sdesim.scenario import parse_scenario, run_scenario
from sdesim.scenario.checks import room
from tests.scenario.files import GOOD, REAL, changed, refused

SURFACE = "{kind: double-well, barrier: 0.25}"
LARGE = [
    (
        changed("steps: 100_000", "steps: 100_000\n      trajectories: 4294967295"),
        "sde.simulate.trajectories",
    ),
    (changed(SURFACE, "{kind: rough, dim: 1_000_000_000, hurst: 0.5}"), "sde.simulate.surface.dim"),
    (
        changed(SURFACE, "{kind: rough, dim: 2, hurst: 0.5, per_octave: 1_000_000_000_000}"),
        "sde.simulate.surface.per_octave",
    ),
    (
        changed(SURFACE, "{kind: masked, surface: {kind: flat, dim: 1_000_000_000_000}, keep: 0.5}"),
        "sde.simulate.surface.surface.dim",
    ),
    (changed("samples: 16", "samples: 1_000_000_000_000"), "probes.samples"),
    (changed("steps: 100_000", "steps: 8e9\n      save_every: 1"), "sde.simulate.save_every"),
    (changed("every: 1000,", "every: 1,").replace("steps: 100_000", "steps: 8e9"), "probes.every"),
    (changed("[64, 8, 10]", "[64, 1_000_000_000, 10]", REAL), "real.train.network.widths[1]"),
    (changed("steps: 20\n", "steps: 8e9\n      save_every: 1\n", REAL), "real.train.save_every"),
    (
        changed("{kind: digits, train: 100, test: 50}", "{kind: teacher-student, train: 1e12}", REAL),
        "real.train.data.train",
    ),
    (
        changed("{kind: digits, train: 100, test: 50}", "{kind: teacher-student, test: 1e12}", REAL),
        "real.train.data.test",
    ),
]


@pytest.mark.parametrize(("text", "field"), LARGE)
def test_a_size_that_does_not_fit_is_refused_at_its_field_without_being_made(text, field, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 4e9)
    monkeypatch.setattr(room, "free_disk", lambda path: 4e9)
    tracemalloc.start()

    try:
        lines = refused(text)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert any(f" {field}: found" in line or f" arms.{field}: found" in line for line in lines), lines
    assert all(line.endswith("--force takes it as it is") for line in lines)
    # Modules that are read for the first time take most of it.
    assert most < 64e6


def test_disk_is_asked_too_before_a_run(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "free_disk", lambda path: 5e7)

    # 1001 points of 5,000 trajectories, 3 numbers each.
    many = parse_scenario(changed("steps: 100_000", "steps: 100_000\n      trajectories: 5000"))

    ((path, text),) = room.too_large(many, tmp_path / "runs" / "a")
    assert path == ("arms", "sde", "simulate", "trajectories")
    assert text.startswith("found 5000, allowed: at most ")
    assert "of disk" in text
    with pytest.raises(ScenarioError, match=r"^small: arms\.sde\.simulate\.trajectories: found 5000"):
        run_scenario(many, tmp_path / "runs" / "a", progress=False)
    assert not any(tmp_path.iterdir())


def test_force_takes_sizes_as_they_are(monkeypatch, tmp_path):
    text = changed("steps: 100_000", "steps: 100_000\n      trajectories: 4294967295")

    with memory.forced():
        assert disk.free_disk(tmp_path) == float("inf")
        assert parse_scenario(text).arms["sde"].simulate.trajectories == 4294967295

    with pytest.raises(ScenarioError, match="trajectories"):
        parse_scenario(text)
    with memory.forced(False), pytest.raises(ScenarioError, match="trajectories"):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed("dt: 1e-3", "dt: 1e308"), "dt: found 1e+308, allowed: less, 100000 steps of it"),
        (changed("steps: 100_000", f"steps: {10**300}"), "steps: found 1000"),
        (changed("steps: 20\n", f"steps: {10**12}\n", REAL), "steps: found 1000000000000, allowed"),
        (changed("samples: 16", f"samples: {2**64}"), "samples: found 18446744073709551616, allowed"),
        (changed(SURFACE, "{kind: masked, surface: {kind: flat, dim: 3}, coordinates: [9.3e18]}"),
         "coordinates[0]: found 9300000000000000000, allowed: 0 to 2"),
        (changed("  sde:", f"  {'a' * 201}:").replace("arm: sde", f"arm: {'a' * 201}"),
         "arms: found a name of 201 characters"),
        (changed("name: small", f"name: {'a' * 201}"), "name: found"),
    ],
)  # fmt: skip
def test_numbers_and_names_that_nothing_can_hold(text, words):
    assert words in refused(text)[0]


def test_what_a_gigabyte_holds_is_not_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e9)

    parse_scenario(GOOD)
    parse_scenario(REAL)
