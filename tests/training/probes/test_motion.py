"""Each of torch's optimizers against its linear form: the real step is u₀ − A g where P holds still."""

import copy

import numpy as np
import pytest
import torch

from sdesim.training.probes.motion import RULES, rule_of
from sdesim.training.probes.optimizer_facts import optimizer_attributes, step_rate
from sdesim.training.probes.preconditioning import linear_step

OPTIM = torch.optim
STILL = (0.8, 1.0 - 1e-9)
CASES = {
    "sgd": lambda p: OPTIM.SGD(p, lr=0.1),
    "sgd with L2": lambda p: OPTIM.SGD(p, lr=0.1, weight_decay=0.3),
    "heavy ball": lambda p: OPTIM.SGD(p, lr=0.1, momentum=0.9),
    "dampened, L2": lambda p: OPTIM.SGD(p, lr=0.1, momentum=0.9, dampening=0.4, weight_decay=0.2),
    "nesterov": lambda p: OPTIM.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.2),
    "adam": lambda p: OPTIM.Adam(p, lr=0.1, betas=STILL),
    "adam with L2": lambda p: OPTIM.Adam(p, lr=0.1, betas=STILL, weight_decay=0.2),
    "amsgrad": lambda p: OPTIM.Adam(p, lr=0.1, betas=STILL, amsgrad=True),
    "adam without mean": lambda p: OPTIM.Adam(p, lr=0.1, betas=(0.0, STILL[1])),
    "adamw": lambda p: OPTIM.AdamW(p, lr=0.1, betas=STILL, weight_decay=0.2),
    "nadam": lambda p: OPTIM.NAdam(p, lr=0.1, betas=STILL),
    "nadam, decoupled": lambda p: OPTIM.NAdam(
        p, lr=0.1, betas=STILL, weight_decay=0.2, decoupled_weight_decay=True
    ),
    "radam": lambda p: OPTIM.RAdam(p, lr=0.1, betas=STILL),
    "adamax": lambda p: OPTIM.Adamax(p, lr=0.1, betas=(0.8, 1.0 - 1e-9)),
    "rmsprop": lambda p: OPTIM.RMSprop(p, lr=0.1, alpha=1 - 1e-9),
    "rmsprop, momentum": lambda p: OPTIM.RMSprop(p, lr=0.1, alpha=1 - 1e-9, momentum=0.7, weight_decay=0.1),
    "rmsprop, centred": lambda p: OPTIM.RMSprop(p, lr=0.1, alpha=1 - 1e-9, centered=True),
    "adagrad": lambda p: OPTIM.Adagrad(p, lr=0.1, lr_decay=0.01),
    "adadelta": lambda p: OPTIM.Adadelta(p, lr=0.1, rho=1 - 1e-9, weight_decay=0.1),
    "asgd": lambda p: OPTIM.ASGD(p, lr=0.1, lambd=0.2, weight_decay=0.1),
    "two groups": lambda p: OPTIM.SGD(
        [{"params": p[:1], "lr": 0.0}, {"params": p[1:], "lr": 0.2, "momentum": 0.5}], lr=0.1
    ),
}  # fmt: skip


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor([0.5, -1.0], dtype=torch.float64))
        self.b = torch.nn.Parameter(torch.tensor([[2.0, 0.3, -0.7]], dtype=torch.float64))


def flat(model):
    return np.concatenate([p.detach().reshape(-1).numpy() for p in model.parameters()])


def move(model, optimizer, gradient):
    """One real step by this gradient (5,); θ after it."""
    parts = torch.split(torch.from_numpy(np.array(gradient)), [2, 3])
    for parameter, part in zip(model.parameters(), parts, strict=True):
        parameter.grad = part.reshape(parameter.shape).clone()
    optimizer.step()
    return flat(model)


def warmed(name):
    """A model and its optimizer after 30 steps, its P then so old that one gradient changes nothing."""
    model, rng = Two(), np.random.default_rng(0)
    optimizer = CASES[name](list(model.parameters()))
    for _ in range(30):
        move(model, optimizer, rng.standard_normal(5) + 0.5)
    for parameter, state in optimizer.state.items():
        scale = 0.5 + torch.arange(parameter.numel(), dtype=torch.float64).reshape(parameter.shape)
        # 10⁶ steps of 1 − 10⁻⁹: the weight of the next square is 10⁻⁶, that of all so far 10⁻³.
        if "step" in state and "sum" not in state:
            state["step"] = torch.tensor(1e6)
        sizes = {"exp_avg_sq": 1e-3, "max_exp_avg_sq": 1e-3, "square_avg": 1.0, "exp_inf": 1.0, "sum": 1e6,
                 "acc_delta": 0.25}  # fmt: skip
        for key in sizes.keys() & state.keys():
            state[key] = sizes[key] * scale
    return model, optimizer


@pytest.mark.parametrize("name", CASES)
def test_the_real_step_is_the_linear_form_of_the_table(name):
    model, optimizer = warmed(name)
    step = linear_step(model, optimizer)
    theta, rng = flat(model), np.random.default_rng(1)

    for _ in range(3):
        gradient = 1e-2 * rng.standard_normal(5)
        twin, again = copy.deepcopy((model, optimizer))
        moved = move(twin, again, gradient) - theta

        # What of P moves is 10⁻⁶ of it, relative to the terms.
        size = np.abs(step.start) + np.abs(step.now * gradient)
        np.testing.assert_allclose(moved, step.start - step.now * gradient, atol=2e-5 * size.max())


@pytest.mark.parametrize(
    "name", [n for n in CASES if n not in ("adagrad", "asgd", "nadam", "nadam, decoupled")]
)
def test_what_one_gradient_moves_over_all_steps(name):
    model, optimizer = warmed(name)
    step, gradient = linear_step(model, optimizer), 1e-3 * np.array([1.0, -2.0, 0.5, 1.0, 3.0])
    ends = []
    for first in (np.zeros(5), gradient):
        twin, again = copy.deepcopy((model, optimizer))
        for group in again.param_groups:
            # Decay would go on to pull at the difference.
            group["weight_decay"] = 0.0
        move(twin, again, first)
        for _ in range(200):
            move(twin, again, np.zeros(5))
        ends.append(flat(twin))

    # 0.9²⁰⁰ = 10⁻⁹ of it is still to come.
    expected = -step.whole * gradient
    np.testing.assert_allclose(ends[1] - ends[0], expected, rtol=2e-3, atol=1e-9)


def test_without_a_known_scale_there_is_no_form():
    model = Two()

    assert linear_step(model, OPTIM.Adam(model.parameters(), lr=0.1)) is None
    assert linear_step(model, OPTIM.SGD(model.parameters(), lr=0.1, maximize=True)) is None
    assert linear_step(model, OPTIM.Rprop(model.parameters(), lr=0.1)) is None


def test_an_optimizer_may_say_its_own_form():
    class Halved(OPTIM.SGD):
        def motion(self, group, state):
            found = RULES[OPTIM.SGD](group, state)
            return type(found)(2.0, found.gain)

    model = Two()
    own = Halved(model.parameters(), lr=0.1)

    assert rule_of(own) == own.motion
    np.testing.assert_allclose(linear_step(model, own).now, 0.05)
    assert optimizer_attributes(own)["optimizer_model"] == "linear"


def test_the_share_of_one_square_in_a_young_scale():
    model = Two()
    optimizer = OPTIM.Adam(model.parameters(), lr=0.1)

    for k in range(1, 4):
        move(model, optimizer, np.ones(5))
        # β₂ = 0.999: almost one over the number of squares.
        assert linear_step(model, optimizer).share == pytest.approx(1 / (k + 1), rel=2e-3)


def test_the_rate_is_that_of_the_first_group_that_moves():
    model = Two()
    two = CASES["two groups"](list(model.parameters()))

    assert step_rate(two) == 0.2
    assert optimizer_attributes(two)["base_learning_rate"] == 0.2
    assert optimizer_attributes(two)["optimizer_model"] == "linear"
    assert step_rate(OPTIM.SGD(model.parameters(), lr=0.0)) == 0.0
    model.b.requires_grad_(False)
    assert step_rate(two) == 0.0
