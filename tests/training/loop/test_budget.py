"""What probes cost, and how seldom they must be to cost little."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from typer.testing import CliRunner

import sdesim
from sdesim import data
from sdesim.commands.outcome import times
from sdesim.commands.verbs import app
from sdesim.errors import RunError, SdesimError
from sdesim.runs.price import SHARE, paid_for
from sdesim.training import mlp, record

DIGITS = data.digits(1000, 40, seed=0)


def interval(steps, network=None, batch_size=16, **settings):
    from sdesim.training.data.examples import training_and_test
    from sdesim.training.loop.budget import reading_price

    examples, _ = training_and_test(DIGITS, None, torch.float64)
    probes = sdesim.Probes(**settings)
    price = reading_price(
        probes, network or mlp([64, 32, 10], seed=0), cross_entropy, examples, batch_size=batch_size,
        probed_batch=batch_size or 1, preconditioned=False,
    )  # fmt: skip
    return paid_for(probes, price, steps, SHARE if probes.every is None else None).every


def test_the_interval_is_a_function_of_the_recipe_and_long_runs_are_probed_all_along():
    found = interval(200_000)

    assert found == interval(200_000)
    # Half of the budget is for gradients: 64 passes of 16 examples are worth some tens of steps.
    assert 100 < found < 2_000
    assert interval(100) == 101


def test_cheap_probes_are_more_frequent_and_dear_ones_less():
    usual = interval(400_000)

    assert interval(400_000, estimators=("gradient",)) < 0.6 * usual
    assert interval(400_000, curvature_every=1) > 10 * usual
    assert interval(400_000, samples=4096) > usual
    assert interval(400_000, batch_size=None) < usual


def test_the_interval_given_stands():
    assert interval(100, every=7) == 7


def test_an_interval_is_found_for_networks_with_any_layers():
    network = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Dropout(),
        nn.Linear(72, 10),
    ).double()  # fmt: skip

    assert interval(10**6, network) > 1000


def test_a_run_says_what_its_probes_cost_and_show_prints_it(tmp_path):
    few = data.digits(60, 40, seed=0)

    def made(out):
        return record(
            mlp([64, 8, 10], seed=0), cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1),
            steps=40, batch_size=10, probes=sdesim.Probes(), progress=False, out=tmp_path / out,
        )  # fmt: skip

    run, again = made("a.zarr"), made("b.zarr")

    cost = run.attrs
    assert cost["probe_every"] == 41
    assert cost["probe_share"] == pytest.approx(cost["probe_seconds"] / cost["training_seconds"])
    assert cost["probe_seconds"] > 0
    assert run.load().identical(again.load().assign_attrs(run.attrs))
    assert run.attrs["fingerprint"] == again.attrs["fingerprint"]
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "a.zarr")])
    # A share of the training, or beyond the whole of it so many times the training: the clock decides.
    assert f"Probes every 41 steps took {times(cost['probe_share'])} the training" in shown.output


def test_a_run_without_probes_has_no_cost_of_them():
    run = record(
        mlp([64, 8, 10], seed=0), cross_entropy, DIGITS, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2,
        progress=False,
    )  # fmt: skip

    assert "probe_share" not in run.attrs
    assert np.isfinite(run.attrs["training_seconds"])


def test_the_hessian_is_taken_at_every_kth_probe_and_at_the_last():
    few = data.digits(60, 40, seed=0)

    def where(**settings):
        run = record(
            mlp([64, 8, 10], seed=0), cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1),
            steps=12, batch_size=10, probes=sdesim.Probes(every=2, samples=4, **settings), progress=False,
        )  # fmt: skip
        assert np.isfinite(run["signal"].values).all()
        measured = sdesim.measure(run)
        assert np.array_equal(np.isfinite(measured["S"].values), np.isfinite(run["lambda_max"].values))
        return run["probe_step"].values[np.isfinite(run["lambda_max"].values[0])].tolist()

    assert where() == [0, 2, 4, 6, 8, 10, 12]
    assert where(curvature_every=4) == [0, 8, 12]
    assert where(curvature_every=7) == [0]


def test_a_simulation_takes_the_hessian_at_the_same_probes():
    run = sdesim.simulate(
        sdesim.surfaces.Quadratic([1.0, 2.0]), [sdesim.noise.Gaussian(0.1)], dt=0.1, steps=12, progress=False,
        probes=sdesim.Probes(every=2, samples=4, curvature_every=4),
    )  # fmt: skip

    assert run["probe_step"].values[np.isfinite(run["lambda_max"].values[0])].tolist() == [0, 8, 12]


def trained(**settings):
    few = data.digits(60, 40, seed=0)
    return record(
        mlp([64, 8, 10], seed=0), cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=40,
        batch_size=10, probes=sdesim.Probes(**settings), progress=False,
    )  # fmt: skip


def test_a_budget_that_pays_for_no_reading_is_refused_before_the_start():
    with pytest.raises(
        RunError, match=r"^probes: budget 0\.01 pays for no reading, which costs as much as \d"
    ):
        trained(budget=0.01)
    with pytest.raises(RunError, match=r"^probes: budget 0\.01 does not pay for 41 readings, which cost \d"):
        trained(every=1, budget=0.01, estimators=("gradient",))


def test_price_and_budget_are_kept_and_a_small_one_is_read_from_draws():
    asked = {"every": 40, "samples": 32, "estimators": ("gradient",)}
    whole, part = trained(budget=1.0, **asked), trained(**asked)

    # The draws and one pass through all examples, in steps: counted, and so the same everywhere.
    assert whole.attrs["probe_budget"] == 1.0
    assert whole.attrs["probe_price"] == part.attrs["probe_price"] < 40
    assert "probe_budget" not in part.attrs
    assert np.isfinite(whole["exact_signal"].values).all()
    dear = 2 * trained(exact=False, **asked).attrs["probe_price"] / 40
    least = trained(budget=dear * 1.001, **asked)
    assert "exact_signal" not in least


def test_what_can_not_be_read_without_draws_is_refused_where_it_is_asked_for():
    few = data.digits(60, 0, seed=0)
    network = nn.Sequential(nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 10)).double()

    def made(**settings):
        return record(
            network, cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2, batch_size=10,
            probes=sdesim.Probes(every=2, branches=0, **settings), progress=False,
        )  # fmt: skip

    with pytest.raises(RunError, match=r"^probes: exact=True can't be: layers act at random"):
        made(exact=True)
    run = made(estimators=("gradient",))
    assert run.attrs["sampled_because"].startswith("layers act at random")
    assert "exact_signal" not in run


def test_readings_of_random_layers_draw_on_and_depend_on_their_seed_alone():
    few = data.digits(60, 0, seed=0)
    network = nn.Sequential(nn.Linear(64, 4), nn.Dropout(0.2), nn.Linear(4, 10)).double()

    def made(count):
        probes = sdesim.Probes(
            every=2, branches=0, precision=0.3, samples=16, most_samples=64, estimators=("gradient",)
        )
        return record(
            network, cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2, batch_size=10,
            probes=probes, progress=False, trajectories=count,
        )  # fmt: skip

    run, alone = made(2), made(1)
    found = sdesim.measure(run)

    assert run["drawn_samples"].values.max() > 16
    assert (found["C_alpha_method"] == "sequential").all()
    missed = np.char.find(found["C_alpha_flags"].values.astype(str), "precision_not_reached") >= 0
    np.testing.assert_array_equal(missed, found["C_precision"] > 0.3)
    for name in (n for n in run.data_vars if str(n).startswith("drawn")):
        np.testing.assert_array_equal(run[name][:1], alone[name])


@pytest.mark.parametrize("settings", [{"exact": True}, {"precision": 0.1}])
def test_gradients_that_are_not_held_together_are_refused_what_needs_them(settings):
    wide, few = nn.Linear(64, 2000), data.digits(40, 0, seed=0)

    with pytest.raises(RunError, match=r"can't be: gradients are too many to be held together"):
        record(
            wide, cross_entropy, few, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=1, batch_size=10,
            probes=sdesim.Probes(every=1, **settings), progress=False,
        )  # fmt: skip


def test_a_simulation_has_a_budget_too():
    def made(**settings):
        return sdesim.simulate(
            sdesim.surfaces.Quadratic([1.0, 2.0]), [sdesim.noise.Gaussian(0.1)], dt=0.1, steps=1000,
            trajectories=4, progress=False,
            probes=sdesim.Probes(every=500, samples=4, branches=0, **settings),
        )  # fmt: skip

    assert made(budget=0.9).attrs["probe_budget"] == 0.9
    assert "exact_signal" in made(budget=0.9)
    assert "exact_signal" not in made(budget=0.31)
    with pytest.raises(SdesimError, match=r"probes\.budget: found 0\.01, allowed: at least 0\.\d+ of"):
        made(budget=0.01)


def test_a_precision_is_kept_and_flagged_where_it_is_missed():
    cut = sdesim.noise.Stable(1.7, 0.05, structure="isotropic", truncation=0.5)
    run = sdesim.simulate(
        sdesim.surfaces.Quadratic(np.ones(4)), cut, 1.0, dt=0.1, steps=1, progress=False,
        probes=sdesim.Probes(every=1, samples=8, branches=0, precision=0.01),
    )  # fmt: skip

    # 32 times eight draws of |g − μ|² leave an error of some percent.
    assert "precision_not_reached" in str(sdesim.measure(run)["C_alpha_flags"].values[0, 0])
    assert run.attrs["precision"] == 0.01
