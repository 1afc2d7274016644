"""The heavy-ball step against its NumPy twins and torch's SGD with momentum."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, schemes, surfaces
from tests.engine.schemes.twins import ADDITIVE, BETA, DT, PRODUCT, against_twin


def heavy_ball(x, v, i, j, grad, at, rate):
    g = grad(x) - at(x, i) / DT
    v = BETA * v + g
    return x - DT * v, v


def nesterov(x, v, i, j, grad, at, rate):
    g = grad(x) - at(x, i) / DT
    v = BETA * v + g
    return x - DT * (g + BETA * v), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_heavy_ball_is_that_of_its_numpy_twin(case):
    against_twin(case, schemes.HeavyBall(momentum=BETA), heavy_ball)


def test_a_step_of_nesterov_is_that_of_its_numpy_twin():
    against_twin(ADDITIVE, schemes.HeavyBall(momentum=BETA, nesterov=True), nesterov)


@pytest.mark.parametrize("nesterov_form", [False, True])
def test_heavy_ball_at_dt_equal_to_eta_is_torchs_momentum_sgd_on_the_same_batches(nesterov_form):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    surface = surfaces.LeastSquares(x, y)
    batch, eta, steps = noise.Minibatch(surface, 5, 0.1, law="subsample"), 0.1, 25
    run = sdesim.simulate(
        surface, batch, 0.0, dt=eta, steps=steps, seed=8, save_every=1, progress=False,
        scheme=schemes.HeavyBall(momentum=0.9, nesterov=nesterov_form),
    )  # fmt: skip
    weights = noise.increments(batch.kernel(3, eta, eta), 30, 1, steps, seed=8)[:, 0]
    # The increments are −η (count/B − 1/n).
    counts = np.rint((weights / -eta + 1 / 30) * 5).astype(int)

    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=eta, momentum=0.9, nesterov=nesterov_form)
    for n in range(steps):
        chosen = np.repeat(np.arange(30), counts[n])
        assert len(chosen) == 5
        loss = 0.5 * torch.mean((torch.tensor(x[chosen]) @ theta - torch.tensor(y[chosen])) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected = theta.detach().numpy()
        np.testing.assert_allclose(run.theta.values[0, n + 1], expected, rtol=1e-10, atol=1e-12)
