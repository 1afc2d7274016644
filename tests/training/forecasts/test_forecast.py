"""Forecasts go on exactly where a training stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sdesim.errors import RunError
from sdesim.runs import validate_run
from sdesim.training import forecast, record
from tests.training.forecasts.foretold import KEPT, MORE, cosine, recipe, trained


@pytest.fixture(scope="module")
def kept():
    return trained()


def test_without_noise_a_forecast_is_the_training_itself(kept, tmp_path):
    checkpoint, losses = kept
    torch.save(checkpoint, tmp_path / "middle.pt")

    run = forecast(tmp_path / "middle.pt", steps=MORE, draws=2, recipe=recipe(), probes=False, save_every=1)

    # Float64 on both sides.
    np.testing.assert_allclose(run["loss"].values, [losses, losses], rtol=1e-9)
    assert run.attrs["forecast_from"] == KEPT
    assert run.attrs["forecast_state"] == "given"
    assert "forecast_flags" not in run.attrs
    validate_run(run)


def test_the_schedule_goes_on(kept):
    checkpoint, _ = kept

    run = forecast(checkpoint, steps=MORE, draws=2, recipe=recipe(), probes=False, save_every=1)

    rates = [0.5e-2 * (1 + np.cos(np.pi * s / 30)) for s in range(KEPT + MORE + 1)]
    np.testing.assert_allclose(run["learning_rate"].values[0], rates[KEPT:], rtol=1e-9)
    assert float(run["time"][0]) == pytest.approx(sum(rates[:KEPT]))


@pytest.fixture(scope="module")
def recorded():
    return record(recipe(10), save_every=4, progress=False)


def test_a_recorded_run_has_its_state_rebuilt_and_says_so(recorded):
    run = forecast(recorded, at=KEPT, steps=MORE, draws=8, recipe=recipe(10), seed=1)

    assert run.attrs["forecast_state"] == "rebuilt"
    assert list(run.attrs["forecast_flags"]) == ["optimizer_state_rebuilt"]
    at = list(recorded["step"].values).index(KEPT)
    np.testing.assert_allclose(run["loss"][:, 0], float(recorded["loss"][0, at]), rtol=1e-6)
    assert np.ptp(run["loss"].values[:, -1]) > 0
    assert {"test_loss", "test_accuracy", "lambda_max", "progress"} <= set(run)
    again = forecast(recorded, at=KEPT, steps=MORE, draws=8, recipe=recipe(10), seed=1, probes=False)
    np.testing.assert_array_equal(run["loss"], again["loss"])


def test_draws_do_not_depend_on_how_many_go_at_once(recorded):
    settings = {"at": KEPT, "steps": MORE, "draws": 16, "recipe": recipe(10), "probes": False}

    whole, chunked = (forecast(recorded, chunk=chunk, **settings) for chunk in (None, 8))

    np.testing.assert_array_equal(whole["loss"], chunked["loss"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipe": None}, "needs recipe="),
        ({"at": 13}, "saved step of the run, got 13; the nearest is 12"),
        ({"trajectory": 2}, "trajectory must be 0 to 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"recipe": recipe(10, scheduler=None)}, "learning rate at step"),
        (
            {"recipe": recipe(10, lambda p: torch.optim.Adam(p, lr=1e-2), cosine)},
            "the run's optimizer has optimizer_class=torch.optim.adamw.AdamW, the recipe's",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(recorded, settings, words):
    given = {"at": KEPT, "steps": MORE, "draws": 2, "recipe": recipe(10), "probes": False, **settings}

    with pytest.raises(RunError, match=words) as error:
        forecast(recorded, **given)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_another_schedule_is_refused(kept):
    with pytest.raises(RunError, match=r"this recipe's 0\.01"):
        forecast(kept[0], steps=2, draws=2, recipe=recipe(scheduler=None), probes=False)


def test_a_checkpoint_of_other_settings_is_refused(kept):
    other = recipe(optimizer=lambda p: torch.optim.AdamW(p, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.5))

    with pytest.raises(RunError, match=r"has weight_decay=0\.01, the recipe's 0\.5"):
        forecast(kept[0], steps=2, draws=2, recipe=other, probes=False)


def test_a_checkpoint_that_lacks_something_is_refused(kept, tmp_path):
    (tmp_path / "no.pt").write_text("no")

    with pytest.raises(RunError, match="lacks step"):
        forecast({"model": kept[0]["model"]}, steps=2, draws=2, recipe=recipe())
    with pytest.raises(RunError, match="can't be read as a checkpoint"):
        forecast(tmp_path / "no.pt", steps=2, draws=2, recipe=recipe())
    with pytest.raises(RunError, match="model is not the recipe's"):
        forecast({**kept[0], "model": {}}, steps=2, draws=2, recipe=recipe())


def test_a_checkpoint_without_optimizer_is_gone_on_with_by_a_rebuilt_one(kept):
    bare = {name: part for name, part in kept[0].items() if name != "optimizer"}

    run = forecast(bare, steps=MORE, draws=2, recipe=recipe(), probes=False)

    assert run.attrs["forecast_state"] == "rebuilt"


class Interrupted(Exception):
    pass


def test_a_checkpoint_of_a_recording_that_was_interrupted_is_gone_on_with(tmp_path):
    made = replace(recipe(10), trajectories=2)

    def stop(done, total):
        if done >= 0.7 * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        record(made, save_every=5, out=tmp_path / "run.zarr", checkpoint_every=20, progress=stop)
    run = forecast(
        tmp_path / "run.zarr.parts" / "0.pt", steps=5, draws=2, recipe=made, trajectory=1, probes=False
    )

    whole = record(made, save_every=5, progress=False)
    assert run.attrs["forecast_from"] == 20
    assert run.attrs["forecast_state"] == "given"
    np.testing.assert_allclose(run["loss"][:, 0], float(whole["loss"].sel(step=20)[1]), rtol=1e-9)
