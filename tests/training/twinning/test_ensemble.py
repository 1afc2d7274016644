"""A twin's ensemble: at a whole step and with subsampled noise it is the optimizer itself."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim import training
from sdesim.noise import Minibatch
from sdesim.noise.kernel import Drawn
from sdesim.training.twinning.plan import plan_twin

EXAMPLES, BATCH, STEPS, ETA = 24, 4, 6, 0.02


def warmed(optimizer):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 4) * (1 - s / 20))


def cycled(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=ETA, total_steps=STEPS + 1)


def of_layers(params):
    weights, biases = params[::2], params[1::2]
    return torch.optim.AdamW(
        [{"params": biases, "lr": 2 * ETA, "weight_decay": 0.0}, {"params": weights}], lr=ETA
    )


OPTIMIZERS = {
    "sgd": (lambda p: torch.optim.SGD(p, lr=ETA), warmed),
    "momentum": (lambda p: torch.optim.SGD(p, lr=ETA, momentum=0.9, dampening=0.3, weight_decay=0.1), None),
    "nesterov": (lambda p: torch.optim.SGD(p, lr=ETA, momentum=0.8, nesterov=True), warmed),
    "adam": (lambda p: torch.optim.Adam(p, lr=ETA, weight_decay=0.1), None),
    "adamw": (lambda p: torch.optim.AdamW(p, lr=ETA, betas=(0.8, 0.9), weight_decay=0.2), cycled),
    "rmsprop": (lambda p: torch.optim.RMSprop(p, lr=ETA, momentum=0.5, centered=True), None),
    "groups": (of_layers, warmed),
}  # fmt: skip


def recipe(optimizer, scheduler=None, *, conv=False, trajectories=3):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(EXAMPLES, 1, 6, generator=rng)
    y = torch.randint(3, (EXAMPLES,), generator=rng)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = (
            nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3))
            if conv
            else nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
        )
    return training.Recipe(
        net.double(), nn.CrossEntropyLoss(), (x if conv else x[:, 0], y), None, optimizer, steps=STEPS,
        batch_size=BATCH, trajectories=trajectories, sampling="with-replacement", scheduler=scheduler,
    )  # fmt: skip


def by_torch(one, scheme, seed, trajectory):
    """The training itself on the batches that the twin draws."""
    rows = Minibatch(scheme.surface, BATCH, ETA, "subsample").kernel(scheme.surface.dim, ETA, ETA).picks
    net = training.loop.copies.copied(one.module)
    optimizer = one.new_optimizer(list(net.parameters()))
    scheduler = one.new_scheduler(optimizer)
    path = [nn.utils.parameters_to_vector(net.parameters()).detach().numpy()]
    x, y = torch.as_tensor(one.train[0]).double(), one.train[1]
    for step in range(STEPS):
        batch = torch.from_numpy(rows(Drawn(seed, 0, trajectory, 1, EXAMPLES, STEPS), step)[0])
        optimizer.zero_grad()
        one.loss_fn(net(x[batch]), y[batch]).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        path.append(nn.utils.parameters_to_vector(net.parameters()).detach().numpy())
    return np.array(path)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("conv", [False, True])
def test_a_subsampled_twin_at_a_whole_step_is_the_optimizer(name, conv):
    optimizer, scheduler = OPTIMIZERS[name]
    one = recipe(optimizer, scheduler, conv=conv)
    run = training.record(one, progress=False)

    made = training.twin(run, one, noise="subsample", seed=5, progress=False)

    plan = plan_twin(run, one)
    if name == "sgd" and not conv:
        assert made.attrs["scheme"] == "optimizer-steps"
    expected = np.stack([by_torch(one, plan, 5, k) for k in range(3)])
    # Sums over a batch round otherwise; Adam divides by √v, which is small at the first step.
    np.testing.assert_allclose(made["theta"].values, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(made["learning_rate"].values[0], run["learning_rate"].values[0])
    np.testing.assert_array_equal(made["time"].values, run["time"].values)


@pytest.mark.parametrize("noise", ["minibatch", "subsample"])
def test_bits_depend_on_neither_threads_nor_chunks(noise):
    one = recipe(OPTIMIZERS["adam"][0], conv=True, trajectories=11)
    run = training.record(one, progress=False)

    made = [
        training.twin(run, one, noise=noise, seed=5, threads=threads, chunk=chunk, progress=False)["theta"]
        for threads, chunk in ((1, None), (2, None), (2, 8), (1, 3))
    ]

    for other in made[1:]:
        np.testing.assert_array_equal(other.values, made[0].values)
