"""Seeds that are trained side by side are those of the loop to rounding, and each its own to the bit."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

import sdesim
from sdesim import data
from sdesim.networks.fully_connected import one_hot_mse
from sdesim.runs.sizes import SEEDS
from sdesim.training import mlp, record
from sdesim.training.batched.choice import seeds_at_once
from sdesim.training.batched.group import train_group
from sdesim.training.loop.prepared import prepare
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.trajectory import train_trajectory

DIGITS = data.digits(60, 40, seed=0)
SCHEDULES = torch.optim.lr_scheduler
PROBES = sdesim.Probes(every=6, samples=4, branches=2, curvature_every=9, trajectories=2)
MASK = np.random.default_rng(0).random(64 * 8 + 8 + 8 * 10 + 10) < 0.5
VOLATILE = ("seconds",)


def _targets():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 64, dtype=torch.float64, generator=generator)
    return x, x[:, :10] * 0.5


def _loader():
    x = torch.from_numpy(np.asarray(DIGITS.x_train))
    return DataLoader(TensorDataset(x, torch.from_numpy(np.asarray(DIGITS.y_train))), 8, shuffle=True)


def _sgd(**settings):
    return lambda parameters: torch.optim.SGD(parameters, **{"lr": 0.1, **settings})


CASES = {
    "plain": {},
    "momentum, one cycle": {
        "optimizer": _sgd(momentum=0.9, nesterov=True, weight_decay=0.01),
        "scheduler": lambda o: SCHEDULES.OneCycleLR(o, 0.2, total_steps=20),
    },
    "adam, with replacement, mask": {
        "optimizer": lambda p: torch.optim.Adam(p, lr=0.01), "sampling": "with-replacement", "mask": MASK
    },
    "groups, weighted, fresh": {
        "optimizer": lambda p: torch.optim.AdamW([{"params": p[:2], "lr": 0.02}, {"params": p[2:]}], lr=0.01),
        "weights": "balanced", "init": "fresh",
    },
    "targets": {"train": _targets(), "loss_fn": mse_loss},
    "one-hot, single precision": {
        "loss_fn": one_hot_mse, "module": mlp([64, 8, 10], "relu", seed=0, dtype=torch.float32)
    },
    "an epoch's last batch is smaller": {"train": _loader(), "batch_size": None},
}  # fmt: skip


def _prepared(probes=PROBES, **changes):
    arguments = {
        "module": mlp([64, 8, 10], seed=0), "loss_fn": cross_entropy, "train": DIGITS, "test": None,
        "optimizer": _sgd(), "steps": 12, "batch_size": 10, "seed": 3, "trajectories": 3,
    }  # fmt: skip
    recipe = Recipe(**{**arguments, **changes})
    return prepare(recipe, save_every=4, save=("theta", "loss"), probes=probes)


def _together(prepared, first=0, last=None):
    return train_group(prepared, range(first, last or prepared.recipe.trajectories), SEEDS, lambda done: None)


def _same(a, b):
    assert set(a) == set(b)
    for name in set(a) - set(VOLATILE):
        assert np.asarray(a[name]).tobytes() == np.asarray(b[name]).tobytes(), name


@pytest.mark.parametrize("case", CASES)
def test_seeds_side_by_side_are_those_of_the_loop_to_rounding(case):
    prepared = _prepared(**CASES[case])
    assert seeds_at_once(prepared) == SEEDS
    single = next(prepared.recipe.module.parameters()).dtype == torch.float32

    found = _together(prepared)

    for k, values in enumerate(found):
        alone = train_trajectory(prepared, k, lambda done: None)
        assert set(values) == set(alone)
        for name in set(values) - set(VOLATILE):
            a, b = values[name], alone[name]
            if a.dtype.kind in "fc":
                # Twelve steps of sums of a few hundred terms; readings lose some digits more.
                near = (1e-2, 1e-4) if single else (1e-8, 1e-10)
                np.testing.assert_allclose(a, b, *near, err_msg=name)
            else:
                assert a == b, name
    assert not np.array_equal(found[0]["theta"], found[1]["theta"])


def test_the_bits_of_a_seed_do_not_depend_on_how_many_are_trained():
    common = {"optimizer": lambda p: torch.optim.Adam(p, lr=0.01), "probes": None}
    many = _together(_prepared(trajectories=SEEDS, **common))

    for count in (1, 2, 5):
        few = _together(_prepared(trajectories=count, **common))
        for a, b in zip(few, many, strict=False):
            _same(a, b)


def test_a_recording_of_more_seeds_begins_with_those_of_fewer():
    def run(count):
        return record(
            mlp([64, 8, 10], seed=0), cross_entropy, DIGITS, None, _sgd(), steps=6, batch_size=10, seed=3,
            trajectories=count, progress=False,
        )  # fmt: skip

    few, many = run(2), run(SEEDS + 2)

    assert many.attrs["seeds_at_once"] == few.attrs["seeds_at_once"] == SEEDS
    assert few.theta.values.tobytes() == many.theta.values[:2].tobytes()
    assert len(np.unique(many.theta.values[:, -1, -1])) == SEEDS + 2


SQUARES = mlp([64, 8, 10], "quadratic", seed=0, dtype=torch.float32)
START = np.concatenate([p.detach().double().numpy().ravel() for p in SQUARES.parameters()])


@pytest.mark.parametrize("optimizer", [_sgd(lr=0.2), lambda p: torch.optim.Adam(p, lr=0.01)])
def test_a_seed_that_is_lost_stops_where_it_would_and_changes_no_bit_of_another(optimizer):
    # Activations z² of large weights overflow within a few steps of SGD, at once where they are larger.
    common = {
        "module": SQUARES, "optimizer": optimizer, "probes": None, "loss_fn": one_hot_mse, "trajectories": 4
    }  # fmt: skip
    whole = _together(_prepared(**common, init=np.array([START] * 4)))

    for factor in (60.0, 1e12):
        begun = _prepared(**common, init=np.array([START, START, factor * START, START]))
        found, alone = _together(begun), train_trajectory(begun, 2, lambda done: None)

        for k in (0, 1, 3):
            _same(found[k], whole[k])
        for name in ("status", "stopped_step", "message"):
            assert found[2][name] == alone[name], name
        np.testing.assert_array_equal(np.isnan(found[2]["loss"]), np.isnan(alone["loss"]))
    assert int(found[2]["status"]) == 1


class Cut(BaseException):
    """The training was cut off."""


@pytest.mark.parametrize(
    "settings",
    [
        {
            "optimizer": _sgd(momentum=0.9),
            "scheduler": lambda o: SCHEDULES.OneCycleLR(o, 0.2, total_steps=20),
        },
        {
            "optimizer": lambda p: torch.optim.Adam(p, lr=0.01), "init": "fresh",
            "sampling": "with-replacement",
        },
        {
            "optimizer": _sgd(lr=0.2), "module": SQUARES, "loss_fn": one_hot_mse,
            "init": np.array([START, 60 * START] + [START] * (SEEDS - 1)),
        },
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:trajectory")
def test_a_group_cut_off_anywhere_goes_on_with_the_same_bits(settings, tmp_path):
    def run(out, cut=None):
        def stop(done, total):
            if done == cut:
                raise Cut

        arguments = {
            "module": mlp([64, 8, 10], seed=0), "loss_fn": cross_entropy, "train": DIGITS, "test": None
        }  # fmt: skip
        return record(
            Recipe(**{**arguments, **settings}, steps=12, batch_size=10, seed=3, trajectories=SEEDS + 1),
            probes=PROBES, save_every=4, out=tmp_path / out, resume=True, checkpoint_every=5, progress=stop,
        )  # fmt: skip

    whole = run("whole.zarr").load()
    # In the first group before and after a state is kept, and in the second.
    for cut in (3 * SEEDS, 7 * SEEDS, 11 * SEEDS, 12 * SEEDS + 8):
        with pytest.raises(Cut):
            run("cut.zarr", cut)
    found = run("cut.zarr").load()

    for name in whole.data_vars:
        assert whole[name].values.tobytes() == found[name].values.tobytes(), name
    assert whole.attrs.get("divergence") == found.attrs.get("divergence")
    assert ("divergence" in found.attrs) == ("module" in settings)
