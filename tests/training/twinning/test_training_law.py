"""Twins of trainings whose gradients are no means over fixed examples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sdesim import training
from sdesim.errors import RunError
from sdesim.noise.epochs import Epochs, batches_at
from sdesim.noise.kernel import Drawn
from sdesim.training.loop.copies import copied
from sdesim.training.twinning.plan import plan_twin
from sdesim.training.twinning.training_law import TrainingLaw

EXAMPLES, BATCH, STEPS, ETA = 14, 4, 7, 0.2
MEAN = nn.CrossEntropyLoss()


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=ETA, momentum=0.5)


def noisy(x, generator):
    return x + 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype)


def recipe(*middle, loss=MEAN, frozen=False, objective=None, **options):
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(EXAMPLES, 5, generator=rng), torch.randint(3, (EXAMPLES,), generator=rng)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(5, 4), *middle, nn.Tanh(), nn.Linear(4, 3)).double()
    net[0].weight.requires_grad_(not frozen)
    return training.Recipe(
        net, None if objective else loss, (x.double(), y), (x[:5].double(), y[:5]), sgd, steps=STEPS,
        batch_size=BATCH, trajectories=2, objective=objective, **options,
    )  # fmt: skip


def whole(module, batch):
    return MEAN(module(batch[0]), batch[1])


CASES = {
    "dropout": lambda: recipe(nn.Dropout(0.3)),
    "batch normalisation": lambda: recipe(nn.BatchNorm1d(4)),
    "augmentation": lambda: recipe(augment=noisy),
    "weights": lambda: recipe(weights=np.arange(1.0, EXAMPLES + 1)),
    "sum": lambda: recipe(loss=nn.CrossEntropyLoss(reduction="sum")),
    "frozen": lambda: recipe(frozen=True),
    "clip": lambda: recipe(clip={"norm": 0.5}),
    "objective": lambda: recipe(objective=whole),
}


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_the_recorded_one_and_both_noises_have_a_twin(name):
    one = CASES[name]()
    run = training.record(one, save_every=1, progress=False)

    law = plan_twin(run, one).surface
    made = training.twin(run, one, progress=False)
    by_batches = training.twin(run, one, noise="subsample", progress=False)

    assert isinstance(law, TrainingLaw)
    np.testing.assert_allclose(law.loss(run["theta"].values), run["loss"].values, rtol=1e-12)
    for twin in (made, by_batches):
        assert np.isfinite(twin["loss"].values).all()
        np.testing.assert_array_equal(twin["time"].values, run["time"].values)
        if name == "frozen":
            # The first weights are those of the first layer.
            np.testing.assert_array_equal(
                twin["theta"].values[:, :, :20], np.tile(run["theta"].values[:, :1, :20], (STEPS + 1, 1))
            )
        assert twin.attrs["sampling"] == ("epoch" if name != "weights" else "with-replacement")
        assert "twin_deviations" not in twin.attrs


@pytest.mark.parametrize("name", ["clip", "frozen", "sum", "batch normalisation"])
def test_a_twin_by_batches_is_the_training_on_the_shuffles_that_it_draws(name):
    one = CASES[name]()
    run = training.record(one, progress=False)
    made = training.twin(run, one, noise="subsample", seed=5, progress=False)

    for trajectory in range(2):
        net = copied(one.module)
        optimizer = one.new_optimizer(list(net.parameters()))
        for step in range(STEPS):
            (rows,) = batches_at(Epochs(EXAMPLES, BATCH), Drawn(5, 0, trajectory, 1, EXAMPLES, STEPS), step)
            optimizer.zero_grad()
            one.loss_fn(net(one.train[0][rows]), one.train[1][rows]).backward()
            if one.clip is not None:
                one.clip.cut(p for p in net.parameters())
            optimizer.step()
        ends = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
        np.testing.assert_allclose(made["theta"].values[trajectory, -1], ends, rtol=1e-9, atol=1e-12)


def test_weights_give_sums_of_the_gradients_of_the_examples_on_the_scale_of_a_batch():
    one = CASES["sum"]()
    law, rng = TrainingLaw(one), np.random.default_rng(0)
    weights = rng.standard_normal((2, EXAMPLES))

    found = law.weighed(law.start, weights, rng)

    each = []
    for i in range(EXAMPLES):
        one.module.zero_grad()
        MEAN(one.module(one.train[0][i : i + 1]), one.train[1][i : i + 1]).backward()
        each.append(torch.cat([p.grad.reshape(-1) for p in one.module.parameters()]).numpy())
    np.testing.assert_allclose(found, BATCH * weights @ np.array(each), rtol=1e-10, atol=1e-12)


def test_what_the_recipe_lacks_or_has_otherwise_is_said():
    clipped = training.record(CASES["clip"](), progress=False)
    drawn = training.record(CASES["weights"](), progress=False)

    with pytest.raises(RunError, match="recorded with clip: give the recipe in place of the module"):
        training.twin(clipped, recipe(), progress=False)
    with pytest.raises(RunError, match="by sampling weighted, the recipe by epoch"):
        training.twin(drawn, recipe(), progress=False)
    with pytest.raises(RunError, match="steps by the learning rate in a training"):
        training.twin(clipped, CASES["clip"](), noise="subsample", dt=ETA / 2, progress=False)
