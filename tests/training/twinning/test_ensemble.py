"""A twin's ensemble: at a whole step and with subsampled noise it is the optimizer itself."""

import numpy as np
import pytest
import torch
from torch import nn

import sdesim
from sdesim import training
from sdesim.noise import Minibatch
from sdesim.noise.kernel import Drawn
from sdesim.training.loop.copies import copied
from sdesim.training.probes.preconditioning import curvature_metric, linear_step
from sdesim.training.twinning.own_steps import Start
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
    net = copied(one.module)
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


def planned(name="adamw", **options):
    optimizer, scheduler = OPTIMIZERS[name]
    one = recipe(optimizer, scheduler, conv=True, trajectories=options.pop("trajectories", 3))
    run = training.record(one, probes=sdesim.Probes(every=3, samples=4), progress=False)
    return one, run, plan_twin(run, one, **options)


def simulated(plan, **options):
    noise = Minibatch(plan.surface, BATCH, ETA, "gaussian", "with-replacement")
    settings = {"probes": plan.probes, "seed": 5, "progress": False, **plan.keywords, **options}
    return sdesim.simulate(plan.surface, noise, **settings)


def test_no_bit_depends_on_how_many_trajectories_there_are_at_half_steps_either():
    _, _, plan = planned(dt=ETA / 2)
    settings = {"save_every": 1, "probes": None}

    whole = simulated(plan, **settings)
    first = simulated(plan, theta0=plan.starts[:2], trajectories=2, **settings)

    np.testing.assert_array_equal(first["theta"].values, whole["theta"].values[:2])
    # Steps of half an optimizer's step lie halfway between its times.
    time = whole["time"].values
    np.testing.assert_allclose(time[1::2], (time[:-1:2] + time[2::2]) / 2)


def test_a_twin_that_was_interrupted_goes_on_with_its_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    _, _, plan = planned()
    whole = simulated(plan)

    def stop(done, total):
        if done > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulated(plan, out=tmp_path / "twin.zarr", progress=stop)
    resumed = simulated(plan, out=tmp_path / "twin.zarr", resume=True)

    for name in ("theta", "loss", "lambda_max", "preconditioned_lambda_max", "step_change"):
        assert resumed[name].values.tobytes() == whole[name].values.tobytes(), name


def test_a_trajectory_that_blows_up_leaves_the_others_alone():
    _, _, plan = planned("momentum")
    starts = plan.starts.copy()
    starts[1] = 1e308

    lost, whole = simulated(plan, theta0=starts, probes=None), simulated(plan, probes=None)

    assert lost["status"].values.tolist() == [0, 1, 0]
    assert np.isnan(lost["theta"].values[1, int(lost["stopped_step"][1]) :]).all()
    np.testing.assert_array_equal(lost["theta"].values[[0, 2]], whole["theta"].values[[0, 2]])


@pytest.mark.parametrize("name", ["adamw", "momentum", "groups"])
def test_a_probe_of_the_twin_has_the_metric_and_the_step_of_the_training(name):
    one, _, plan = planned(name)
    net = copied(one.module)
    optimizer = one.new_optimizer(list(net.parameters()))
    scheduler = one.new_scheduler(optimizer)
    x, y = torch.as_tensor(one.train[0]).double(), one.train[1]
    for _ in range(3):
        optimizer.zero_grad()
        one.loss_fn(net(x), y).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()

    theta = nn.utils.parameters_to_vector(net.parameters()).detach()
    equation = plan.scheme.parts[0].equations[0]
    states = [optimizer.state[p] for p in net.parameters()]
    state = {k: v[0] for k, v in equation.state_of(states, theta[None]).items()}
    read = plan.scheme.reader.keywords(theta, state, 3.0)

    metric, step = curvature_metric(net, optimizer), linear_step(net, optimizer)
    np.testing.assert_allclose(read["metric"].critical, metric.critical, rtol=1e-12)
    if metric.scale is not None:
        np.testing.assert_allclose(read["metric"].scale, metric.scale, rtol=1e-9)
    for field in ("now", "start", "whole", "pull"):
        np.testing.assert_allclose(getattr(read["step"], field), getattr(step, field), rtol=1e-9, atol=1e-15)


def test_a_forecast_goes_on_from_the_optimizers_present_state():
    one, run, plan = planned("adamw")
    whole = simulated(plan, save_every=1, probes=None)
    # A whole step of full-batch gradients from a training's third step on.
    net, steps = copied(one.module), 3
    optimizer = one.new_optimizer(list(net.parameters()))
    scheduler = one.new_scheduler(optimizer)
    x, y = torch.as_tensor(one.train[0]).double(), one.train[1]
    path = []
    for _ in range(STEPS):
        path.append(nn.utils.parameters_to_vector(net.parameters()).detach().numpy())
        if len(path) == steps + 1:
            theta = torch.from_numpy(path[-1])[None]
            states = [optimizer.state[p] for p in net.parameters()]
            state = plan.scheme.parts[0].equations[0].state_of(states, theta)
        optimizer.zero_grad()
        one.loss_fn(net(x), y).backward()
        optimizer.step()
        scheduler.step()
    path.append(nn.utils.parameters_to_vector(net.parameters()).detach().numpy())

    start = Start(theta.numpy(), state, steps)
    begun = plan_twin(run, one, start=start, steps=STEPS - steps)
    made = sdesim.simulate(begun.surface, (), **begun.keywords, seed=1, progress=False)

    np.testing.assert_allclose(made["theta"].values[0], np.array(path[steps:]), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(made["time"].values, whole["time"].values[steps:])


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
