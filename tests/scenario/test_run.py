"""Running scenarios: what a run directory holds, what is refused before it is made, interruptions."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError, ScenarioError
from sdesim.noise import Stable, increments
from sdesim.noise.levy.median import median_length
from sdesim.runs import open_run
from sdesim.runs.attributes import mapped
from sdesim.scenario import Scenario, check_room, parse_scenario, run_scenario
from tests.scenario.pairs import PAIR, TOY


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "pair"
    return out, run_scenario(parse_scenario(PAIR), out, progress=False)


def test_a_run_directory_is_whole_and_says_where_it_comes_from(tmp_path):
    scenario = parse_scenario(TOY)

    summary = run_scenario(scenario, tmp_path / "toy", progress=False)

    names = {p.name for p in (tmp_path / "toy").iterdir()}
    assert names == {"scenario.yaml", "provenance.json", "summary.json", "report.html", "figures", "sde.zarr"}
    assert parse_scenario((tmp_path / "toy" / "scenario.yaml").read_text()) == scenario
    assert (
        json.loads((tmp_path / "toy" / "summary.json").read_text())["expectations"] == summary["expectations"]
    )
    assert summary["expectations"][0]["outcome"] == "met"
    assert summary["arms"]["sde"]["status"] == {"finished": 4, "diverged": 0, "stopped": 0, "unsolved": 0}
    assert summary["comparisons"] == []


def test_the_same_scenario_gives_the_same_numbers_and_another_seed_gives_others(tmp_path):
    paths = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run_scenario(parse_scenario(TOY, overrides={"seed": seed}), tmp_path / name, progress=False)
        paths[name] = open_run(tmp_path / name / "sde.zarr")["theta"].values

    assert np.array_equal(paths["a"], paths["b"])
    assert not np.array_equal(paths["a"], paths["c"])


def test_progress_is_told_to_a_function_arm_by_arm(tmp_path):
    told = []

    run_scenario(parse_scenario(TOY), tmp_path / "x", progress=lambda *step: told.append(step))

    assert told[-1] == ("sde", 40, 40)


def test_twins_start_where_the_real_arm_starts_and_cover_its_time(pair):
    out, _ = pair
    real = open_run(out / "real.zarr")

    for name, steps in (("half", 40), ("isotropic", 20), ("stable", 20)):
        twin = open_run(out / f"{name}.zarr")
        start = twin["theta"].values[:, 0]
        assert np.array_equal(start, np.broadcast_to(real["theta"].values[0, 0], start.shape))
        assert twin["step"].values[-1] == steps
        assert twin["time"].values == pytest.approx(real["time"].values)
        assert twin["probe_time"].values == pytest.approx(real["probe_time"].values)
        assert twin.attrs["learning_rate"] == 0.2
        assert {"train_accuracy", "test_loss", "test_accuracy"} <= set(twin.data_vars)
        # The same loss of the same network: up to summation order.
        assert twin["loss"].values[0, 0] == pytest.approx(real["loss"].values[0, 0], rel=1e-12)


def test_twins_have_as_many_trajectories_as_the_real_arm_unless_told_otherwise(pair):
    _, summary = pair

    assert {n: a["trajectories"] for n, a in summary["arms"].items()} == {
        "half": 3, "isotropic": 3, "stable": 1, "real": 3,
    }  # fmt: skip


def test_a_matched_gaussian_has_the_trace_of_the_minibatch_noise(pair):
    out, summary = pair
    trace = float(open_run(out / "real.zarr")["noise"].values.mean())
    dim = 64 * 3 + 3 + 3 * 10 + 10

    matched = summary["arms"]["isotropic"]["matched"]

    assert matched["trace"] == pytest.approx(trace)
    # D = (η/2) TrΣ/d, so that the increments over η have E|Δ|² = η² TrΣ.
    assert matched["diffusion"] * dim * 2 * 0.2 == pytest.approx(0.2**2 * trace)


def test_a_matched_stable_noise_has_the_median_length_of_the_minibatch_noise(pair):
    _, summary = pair
    matched = summary["arms"]["stable"]["matched"]
    dim = 64 * 3 + 3 + 3 * 10 + 10
    noise = Stable(1.8, matched["scale"], structure="isotropic")

    draws = increments(noise.kernel(dim, 0.2, 0.2), dim, 4000, seed=99)[0]
    shorter = np.mean(np.linalg.norm(draws, axis=1) < 0.2 * np.sqrt(matched["trace"]))

    # A fair coin 4,000 times has standard error 0.0079, the 20,000 draws of the scale 0.0035: five of both.
    assert shorter == pytest.approx(0.5, abs=0.045)


def test_the_median_length_grows_as_eta_to_one_over_alpha():
    assert median_length(1.5, 3, 0.01) == pytest.approx(
        0.01 ** (1 / 1.5) * median_length(1.5, 3, 1.0), rel=1e-9
    )


def test_every_twin_is_compared_with_its_real_arm_in_the_quantities_asked_for(pair):
    _, summary = pair

    assert [(c["simulated"], c["real"]) for c in summary["comparisons"]] == [
        ("half", "real"), ("isotropic", "real"), ("stable", "real"),
    ]  # fmt: skip
    assert all(set(c["quantities"]) == {"loss", "test_accuracy"} for c in summary["comparisons"])


def test_twins_of_freshly_initialised_seeds_start_from_each_of_them(tmp_path):
    text = PAIR.replace("sampling: with", "init: fresh\n      sampling: with")
    scenario = parse_scenario(text)
    kept = {n: a for n, a in scenario.arms.items() if n in ("half", "real")}

    run_scenario(scenario.model_copy(update={"arms": kept}), tmp_path / "x", progress=False)

    real, twin = (open_run(tmp_path / "x" / f"{n}.zarr")["theta"].values[:, 0] for n in ("real", "half"))
    assert np.array_equal(real, twin)
    assert not np.array_equal(real[0], real[1])


def test_an_existing_directory_is_left_alone_without_overwrite(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.txt").write_text("precious")

    with pytest.raises(RunError, match="exists already"):
        run_scenario(parse_scenario(TOY), tmp_path / "x", progress=False)
    with pytest.raises(RunError, match="not a run directory"):
        run_scenario(parse_scenario(TOY), tmp_path / "x", overwrite=True, progress=False)

    assert [p.name for p in (tmp_path / "x").iterdir()] == ["mine.txt"]


def test_overwrite_replaces_a_run_directory_but_not_one_that_holds_something_else(tmp_path):
    out = tmp_path / "x"
    run_scenario(parse_scenario(TOY), out, progress=False)
    assert check_room(out, overwrite=True)

    run_scenario(parse_scenario(TOY, overrides={"seed": 9}), out, overwrite=True, progress=False)
    (out / "notes.txt").write_text("precious")

    assert parse_scenario((out / "scenario.yaml").read_text()).seed == 9
    with pytest.raises(RunError, match=r"also holds notes\.txt"):
        run_scenario(parse_scenario(TOY), out, overwrite=True, progress=False)


def test_nothing_is_written_for_a_scenario_that_does_not_hold_together(tmp_path):
    model = parse_scenario(TOY).model_dump()
    model["arms"]["sde"]["simulate"]["theta0"] = [1.0]

    with pytest.raises(ScenarioError, match="allowed: 2"):
        run_scenario(Scenario.model_validate(model), tmp_path / "x", progress=False)

    assert not (tmp_path / "x").exists()


def test_data_that_can_not_be_read_are_told_before_anything_is_written(tmp_path):
    table = tmp_path / "my.csv"
    table.write_text("a,b,y\n1,2,0\n3,inf,1\n5,6,1\n")
    text = f"""
name: own
arms:
  net:
    train:
      data: {{kind: arrays, file: "{table}", test: 0}}
      network: {{kind: mlp, widths: [2, 3, 2]}}
      optimizer: {{kind: sgd, lr: 0.1}}
      steps: 2
"""
    words = r"^arms.net.train.data.file: my.csv line 3, column b: found 'inf', allowed: a finite number$"
    with pytest.raises(ScenarioError, match=words):
        run_scenario(parse_scenario(text), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_keeps_its_finished_arms_and_stays_marked(tmp_path):
    text = TOY.replace(
        "expect:", "  zweite:\n    simulate: {surface: {kind: flat, dim: 1}, dt: 1, steps: 4}\nexpect:"
    )

    def stop(arm, done, total):
        if arm == "zweite":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scenario(parse_scenario(text), tmp_path / "x", progress=stop)

    assert (tmp_path / "x" / "INCOMPLETE").exists()
    assert not (tmp_path / "x" / "summary.json").exists()
    assert open_run(tmp_path / "x" / "sde.zarr").attrs["complete"]
    assert not open_run(tmp_path / "x" / "zweite.zarr").attrs["complete"]
    assert check_room(tmp_path / "x", overwrite=True)


def test_a_directory_that_was_interrupted_before_it_held_its_scenario_is_run_again(tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("INCOMPLETE", "provenance.json"):
        (tmp_path / "x" / name).write_text("")

    assert not check_room(tmp_path / "x")
    run_scenario(parse_scenario(TOY), tmp_path / "x", progress=False)

    assert not (tmp_path / "x" / "INCOMPLETE").exists()


def test_a_second_call_on_a_directory_that_is_being_written_is_refused_and_the_first_is_whole(tmp_path):
    refused = []

    def twice(arm, done, total):
        if refused:
            return
        for call in (
            lambda: run_scenario(parse_scenario(TOY), tmp_path / "x", overwrite=True, progress=False),
            lambda: sdesim.resume(tmp_path / "x", progress=False),
        ):
            with pytest.raises(RunError, match=rf"x is being written by process {os.getpid()}"):
                call()
            refused.append(done)

    run_scenario(parse_scenario(TOY), tmp_path / "x", progress=twice)

    assert len(refused) == 2
    assert not (tmp_path / "x" / "INCOMPLETE").exists()
    assert open_run(tmp_path / "x" / "sde.zarr").attrs["complete"]


def test_a_directory_that_is_moved_or_a_link_to_nowhere_is_told_and_none_is_made_in_its_place(tmp_path):
    def move(arm, done, total):
        if not (tmp_path / "y").exists():
            (tmp_path / "x").rename(tmp_path / "y")

    with pytest.raises(RunError, match="was moved or removed while"):
        run_scenario(parse_scenario(TOY), tmp_path / "x", progress=move)
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(RunError, match=r"link is a link to .*gone, which is not there"):
        run_scenario(parse_scenario(TOY), tmp_path / "link", progress=False)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "y"]


TICKETS = """\
name: tickets
arms:
  ticket:
    train:
      data: {kind: mnist-1d, train: 60, test: 40, label_noise: 0.1}
      network: {kind: mlp, widths: [40, 12, 10], activation: relu, init: normal, bias: false}
      optimizer: {kind: adamw, lr: 0.01, weight_decay: 0.1, batch_size: 20}
      schedule: {kind: cosine, final: 0.1, warmup: 3}
      loss: mse
      prune: {rule: gradient-signal, sparsity: 0.5, rounds: 2, steps: 5, weights: new}
      steps: 20
      save_every: 5
  twin:
    simulate:
      twin_of: ticket
      noise: [{kind: minibatch}]
  features:
    simulate:
      surface: {kind: random-features, features: 8, data: {kind: mnist-1d, train: 60, test: 40}}
      dt: 0.1
      steps: 5
probes: {every: 10, samples: 8}
expect:
  - {arm: features, quantity: test_accuracy, above: 0.2}
  - {arm: twin, quantity: train_accuracy, above: 0}
"""


def test_a_pruned_network_its_twin_and_random_features_run_with_test_values(tmp_path):
    scenario = parse_scenario(TICKETS)

    run_scenario(scenario, tmp_path / "x", progress=False)

    ticket, twin, features = (open_run(tmp_path / "x" / f"{a}.zarr") for a in scenario.arms)
    assert ticket.sizes["param"] == twin.sizes["param"] == 240 + 60
    assert mapped(ticket.attrs, "layer_sparsity") == {"0.weight": 0.5, "2.weight": 0.5}
    assert ticket.attrs["optimizer"] == "adamw"
    rates = ticket["learning_rate"].values[0]
    # Four steps up, then a cosine over the 16 that follow, its last value a tenth.
    share = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * (np.array([5, 10, 15, 19]) - 3) / 16))
    np.testing.assert_allclose(rates, 0.01 * np.array([0.25, *share[:3], share[3]]))
    for run in (ticket, twin, features):
        assert np.isfinite(run["test_loss"].values).all()
        assert set(np.round(run["test_accuracy"].values * 40, 9).ravel() % 1) == {0.0}
    # The twin begins where the network does.
    for name in ("theta", "loss", "test_loss", "test_accuracy", "train_accuracy"):
        np.testing.assert_allclose(twin[name].values[0, 0], ticket[name].values[0, 0], rtol=1e-12)


def test_a_stage_begins_where_the_arm_it_starts_from_has_ended_and_so_does_its_twin(tmp_path):
    text = """\
name: stages
arms:
  first:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10]}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 20}
      init: fresh
      steps: 10
      trajectories: 3
  second:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10]}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 5}
      start_from: first
      steps: 10
      trajectories: 2
  twin:
    simulate: {twin_of: second, noise: [{kind: minibatch}]}
"""

    run_scenario(parse_scenario(text), tmp_path / "stages", progress=False)

    ends = open_run(tmp_path / "stages" / "first.zarr").theta.values[:2, -1]
    for arm in ("second", "twin"):
        np.testing.assert_array_equal(open_run(tmp_path / "stages" / f"{arm}.zarr").theta.values[:, 0], ends)


def test_a_stage_after_a_training_that_blew_up_is_refused(tmp_path):
    text = """\
name: stages
arms:
  first:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10], activation: relu}
      loss: mse
      optimizer: {kind: sgd, lr: 1e6}
      steps: 40
  second:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10]}
      optimizer: {kind: sgd, lr: 0.2}
      start_from: first
      steps: 10
"""

    with pytest.raises(RunError, match="start_from: trajectory 0 of first blew up"):
        run_scenario(parse_scenario(text), tmp_path / "stages", progress=False)


SMOOTH = """\
name: smooth
arms:
  sde:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1.0, 2.0]}
      noise: [{kind: gaussian, diffusion: 0.01}]
      theta0: 3.0
      dt: 0.05
      steps: 80
      save_every: 40
probes: {every: 8, samples: 16, branches: 0}
expect:
  - {arm: sde, quantity: phase_smooth_fraction.generalization, above: 0.1}
"""


def test_a_smoothed_series_is_made_where_an_expectation_names_it(tmp_path):
    summary = run_scenario(parse_scenario(SMOOTH), tmp_path / "smooth", progress=False)

    (found,) = summary["expectations"]
    assert (found["outcome"], summary["smooth"]) == ("met", True)
    assert "C_alpha_smooth" in summary["arms"]["sde"]["end"]
