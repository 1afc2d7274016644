"""The SDE of an optimizer's steps: whole steps are the optimizer itself, shares compose to its moments."""

import math

import pytest

from sdesim.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from sdesim.optimizers.sde import driving, taken

torch = pytest.importorskip("torch")

STEPS, DIM = 8, 3
KINDS = [
    SGD(0.1, weight_decay=0.2),
    SGD(0.1, momentum=0.9, dampening=0.3, weight_decay=0.1),
    SGD(0.1, momentum=0.8, nesterov=True),
    SGD(0.1, momentum=0.8, maximize=True),
    Adam(0.05, weight_decay=0.1),
    Adam(0.05, betas=(0.5, 0.9), eps=0.1, decoupled_weight_decay=True, weight_decay=0.2, maximize=True),
    AdamW(0.05, weight_decay=0.3),
    RMSprop(0.05, weight_decay=0.1),
    RMSprop(0.05, alpha=0.9, momentum=0.7, centered=True, maximize=True),
    Adagrad(0.05, lr_decay=0.3, weight_decay=0.1, initial_accumulator_value=0.2),
    # ρ exceeds 5 at the sixth step.
    RAdam(0.05, betas=(0.8, 0.99), weight_decay=0.1),
    RAdam(0.05, betas=(0.8, 0.999), weight_decay=0.1, decoupled_weight_decay=True),
    Lion(0.05, weight_decay=0.2),
    Lion(0.05, betas=(0.0, 0.9)),
]


def given_gradients(steps=STEPS, trajectories=1, dim=DIM):
    made = torch.Generator().manual_seed(1)
    return torch.randn(steps, trajectories, dim, generator=made, dtype=torch.float64)


def walked(equation, start, gradients, rates, share=1.0):
    """θ after the shares, each with the same gradient for all its inputs."""
    theta = start.clone()
    state = equation.initial(theta)
    for j, (gradient, rate) in enumerate(zip(gradients, rates, strict=True)):
        inputs = [gradient.clone() for _ in equation.inputs(share)]
        equation.advance(theta, state, inputs, rate=rate, share=share, step=j * share)
    return theta, state


def trained(kind, start, gradients, rates):
    """θ after torch's steps."""
    parameter = torch.nn.Parameter(start[0].clone())
    optimizer = kind.build([parameter])
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = gradient[0].clone()
        optimizer.step()
    return parameter, optimizer


@pytest.mark.parametrize("kind", KINDS)
def test_whole_steps_are_those_of_torch_at_any_schedule(kind):
    gradients, start = given_gradients(), torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    rates = [kind.lr * (1 - j / 10) for j in range(STEPS)]
    equation = kind.sde()

    theta, state = walked(equation, start, gradients, rates)
    parameter, optimizer = trained(kind, start, gradients, rates)

    assert torch.allclose(theta[0], parameter, rtol=1e-12, atol=1e-14)
    held = equation.state_of([optimizer.state[parameter]], start)
    assert sorted(held) == sorted(equation.state_names)
    for name in held:
        assert torch.allclose(held[name], state[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "kind",
    [
        ASGD(0.1, lambd=0.3, weight_decay=0.1),
        NAdam(0.1, momentum_decay=0.3, weight_decay=0.1),
        NAdam(0.1, weight_decay=0.1, decoupled_weight_decay=True, maximize=True),
    ],
)
def test_whole_steps_are_those_of_torch_where_it_keeps_numbers_in_single_precision(kind):
    gradients, start = given_gradients(), torch.ones(1, DIM, dtype=torch.float64)

    theta, _ = walked(kind.sde(), start, gradients, [0.1] * STEPS)
    parameter, _ = trained(kind, start, gradients, [0.1] * STEPS)

    # ASGD's η_s, NAdam's product of μ.
    assert torch.allclose(theta[0], parameter, rtol=1e-6)


@pytest.mark.parametrize(
    "kind", [Adamax(0.1), Adadelta(1.0), Adafactor(0.1), Rprop(0.1), Muon(0.1), Adam(0.1, amsgrad=True)]
)
def test_those_without_an_equation_say_why_and_what_is_nearest(kind):
    sentence = kind.sde()

    assert "no SDE" in sentence
    assert "nearest: " in sentence


def test_a_share_of_signs_has_the_mean_and_the_variance_of_that_share_of_a_step():
    share, rate, mean = 0.25, 0.1, 0.4
    equation = Lion(rate, betas=(0.0, 0.9)).sde()
    # All four pairs of signs of ∇L ± 1 with ∇L = 0.4: S = ±1 evenly, weighted so that E[S] is `mean`.
    pairs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    up = (1 + mean) / 2
    weights = torch.tensor([up * up, up * (1 - up), (1 - up) * up, (1 - up) ** 2], dtype=torch.float64)
    theta = torch.zeros(4, 1, dtype=torch.float64)

    equation.advance(
        theta, equation.initial(theta), [pairs[:, :1], pairs[:, 1:]], rate=rate, share=share, step=0.0
    )

    first = float((weights * theta[:, 0]).sum())
    second = float((weights * theta[:, 0] ** 2).sum()) - first**2
    assert first == pytest.approx(-rate * share * mean, rel=1e-12)
    assert second == pytest.approx(rate**2 * share * (1 - mean**2), rel=1e-12)
    assert [one.draw for one in equation.inputs(share)] == [0, 1]
    with pytest.raises(Exception, match="leave dt out"):
        equation.inputs(share, 1.5)


@pytest.mark.parametrize("kind", [RMSprop(0.1, alpha=0.9), Adagrad(0.1)])
def test_first_shares_are_scaled_as_the_first_step_is(kind):
    start, gradient = torch.zeros(1, 1, dtype=torch.float64), torch.ones(4, 1, 1, dtype=torch.float64)

    whole, _ = walked(kind.sde(), start, gradient[:1], [0.1])
    parts, _ = walked(kind.sde(), start, gradient, [0.1] * 4, share=0.25)

    assert float(parts) == pytest.approx(float(whole), rel=1e-6)


def test_shares_of_momentum_end_where_one_step_does_in_m():
    equation = SGD(0.1, momentum=0.9, dampening=0.5).sde()
    start = torch.ones(1, DIM, dtype=torch.float64)
    one = given_gradients(1)

    _, whole = walked(equation, start, one, [0.1])
    _, parts = walked(equation, start, one.expand(4, 1, DIM), [0.1] * 4, share=0.25)

    assert torch.allclose(whole["momentum"], parts["momentum"], rtol=1e-13)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.125])
def test_the_noise_of_shares_adds_up_to_that_of_a_step(share):
    # h w moves θ: (1/h) pieces of variance h² b².
    assert (share * driving(share).noise) ** 2 / share == pytest.approx(1.0)
    # A stable sum of pieces of scale h b.
    assert ((share * driving(share, 1.5).noise) ** 1.5 / share) == pytest.approx(1.0)


def test_what_a_mean_takes_in_is_exact_for_tiny_shares():
    assert taken(0.9, 1e-12) == pytest.approx(-1e-12 * math.log(0.9), rel=1e-12)
    assert taken(0.0, 0.25) == 1.0


def test_overdamped_is_descent_at_the_rate_that_momentum_makes():
    kind = SGD(0.1, momentum=0.9, dampening=0.5)
    equation = kind.sde(form="overdamped")
    start, gradients = torch.ones(1, DIM, dtype=torch.float64), given_gradients(1)

    theta, state = walked(equation, start, gradients, [0.1], share=0.5)

    assert not state
    assert torch.allclose(theta, start - 0.1 * 0.5 * 5.0 * gradients[0], rtol=1e-13)
    assert equation.clock(0.1) == pytest.approx(0.5)


def test_a_form_needs_a_momentum():
    assert "nearest" in Adam(0.1).sde(form="overdamped")
    assert "nearest" in Adam(0.1, amsgrad=True).sde()


def test_groups_move_their_own_coordinates_as_torch_does():
    kind = Adam(0.05, groups=({"match": "*.bias", "lr": 0.1, "betas": (0.5, 0.9)},))
    names, sizes = ["a.weight", "a.bias", "b.weight"], [2, 1, 2]
    gradients, start = given_gradients(dim=5), torch.ones(1, 5, dtype=torch.float64)

    theta, _ = walked(kind.sde(list(zip(names, sizes, strict=True))), start, gradients, [0.05] * STEPS)

    parameters = [torch.nn.Parameter(piece.clone()) for piece in start[0].split(sizes)]
    optimizer = kind.build_named(names, parameters)
    for gradient in gradients:
        for parameter, piece in zip(parameters, gradient[0].split(sizes), strict=True):
            parameter.grad = piece.clone()
        optimizer.step()
    found = torch.cat([p.detach() for p in parameters])
    assert torch.allclose(theta[0], found, rtol=1e-12)
    assert "names" in kind.sde()


def test_the_square_root_rule_scales_every_setting():
    found = AdamW(0.01, batch_size=8, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1).scaled(4)

    assert (found.lr, found.batch_size, found.weight_decay) == pytest.approx((0.02, 32, 0.2))
    assert found.betas == pytest.approx((0.6, 0.96))
    assert found.eps == pytest.approx(0.5e-8)
    assert Adam(0.01, weight_decay=0.1).scaled(4).weight_decay == 0.1
    assert SGD(0.01, batch_size=8, momentum=0.9).scaled(0.5) == SGD(0.005, batch_size=4, momentum=0.9)
    with pytest.raises(Exception, match="below 0"):
        Adam(0.01).scaled(16)
    with pytest.raises(Exception, match="whole number"):
        SGD(0.01, batch_size=3).scaled(0.5)


def test_conditions_say_what_is_not_known():
    found = {one.name: one for one in Adam(0.01).sde().validity(rate=0.01, signal=1.0, noise=100.0)}

    assert found["noise_dominates"].holds is True
    assert found["rate_small"].holds is None
    assert SGD(0.1).sde().validity(rate=0.1, curvature=10.0)[0].holds is False
