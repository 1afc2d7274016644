"""The study of critical batch sizes measures what it says, and its verdict can fall either way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.critical_batch import __main__ as command
from analysis.critical_batch import cells, measure, path, verdict
from analysis.critical_batch import least_squares as exact
from analysis.critical_batch.branches import Branches, State, checkpoints, preconditioner
from analysis.critical_batch.predictors import NAMES, of_least_squares, of_network
from analysis.critical_batch.problems import Problem, initial, network


def small(optimizer):
    """Two logits of 12 examples with three features."""
    rng = np.random.default_rng(8)
    x = torch.tensor(rng.standard_normal((12, 3)), dtype=torch.float32)
    y = torch.tensor(rng.integers(2, size=12))
    return Problem(lambda: torch.nn.Linear(3, 2), lambda: (x, y), optimizer, 4, 0.1, (3,))


def test_one_exact_step_changes_the_loss_as_the_second_order_formula_says():
    delta = np.random.default_rng(0).standard_normal((2, exact.DIM))
    rates = np.array([[0.1, 0.3], [0.5, 0.2]])
    runs = exact.ExactBranches(exact.USUAL, delta, 8, rates)
    before = runs.losses()[0]

    runs.advance(1)

    m = [exact.moments(exact.USUAL, d) for d in delta]
    signal = np.array([x.signal for x in m])
    bent = np.array([x.hessian_signal + x.hessian_noise / 8 for x in m])
    change = -rates * signal + rates**2 / 2 * bent
    assert runs.losses()[0] - before == pytest.approx(change, rel=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "peer"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.9, 0.99), weight_decay=0.01)),
    ],
)
def test_checkpoint_and_branch_together_are_one_training_by_torch(optimizer, peer):
    problem = small(optimizer)
    net, (x, y) = network(problem), problem.data()
    state = checkpoints(problem, net, 1)[0]
    branch = Branches(problem, net, state, None, np.array([[0.1], [0.05]]), 2, 1)
    theta = initial(problem, 0).clone().requires_grad_()
    other, rng = peer([theta]), np.random.default_rng([11, 0])

    for step in range(5):
        at = torch.tensor(rng.integers(12, size=4)) if step < 3 else torch.arange(12)
        other.zero_grad()
        net.loss(theta, x[at], y[at]).backward()
        other.step()
    branch.advance(2)

    torch.testing.assert_close(branch.state.theta[0, 0], theta.detach(), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(branch.state.theta[0, 1], theta.detach(), atol=1e-3)


def test_branches_of_one_replicate_see_the_same_batches_at_every_rate_and_others_do_not():
    problem = small("sgd")
    net, start = network(problem), torch.zeros(2, 8)
    runs = Branches(problem, net, State(start, start, start), 2, np.full((2, 2), 0.1), 2, 1)

    runs.advance(3)

    assert torch.equal(runs.state.theta[:, 0], runs.state.theta[:, 1])
    assert len({tuple(t.tolist()) for t in runs.state.theta[:, 0]}) == 4


def test_predictors_of_a_network_are_those_of_its_dense_moments():
    problem = small("adamw")
    net, (x, y) = network(problem), problem.data()
    many = checkpoints(problem, net, 1)[0]
    state = State(many.theta[0], many.first[0], many.second[0], many.count)
    theta, p = state.theta.double(), preconditioner(problem, state).double()
    x = x.double()
    g = torch.stack([torch.func.grad(net.loss)(theta, x[i : i + 1], y[i : i + 1]) for i in range(12)])
    mu, sigma = g.mean(dim=0), torch.cov(g.T, correction=0)
    h = torch.func.hessian(lambda t: net.loss(t, x, y))(theta)
    pmu, psp = p * mu, p[:, None] * sigma * p

    found = of_network(problem, net, state, 0)

    assert list(found) == list(NAMES)
    assert found["simple"][0] == pytest.approx(float(sigma.trace() / (mu @ mu)), rel=1e-6)
    assert found["metric"][0] == pytest.approx(float((p * sigma.diag()).sum() / (mu @ pmu)), rel=1e-6)
    signs = sigma.diag().sqrt().sum() / mu.abs().sum()
    assert found["sign"][0] == pytest.approx(float(signs) ** 2, rel=1e-6)
    # 64 draws of signs: the interval at 0.95 is two standard errors wide; thrice it is six.
    for name, truth in {
        "hessian": (h @ sigma).trace() / (mu @ h @ mu), "metric_hessian": (h @ psp).trace() / (pmu @ h @ pmu)
    }.items():  # fmt: skip
        value, low, high = found[name]
        assert abs(value - float(truth)) < 1.5 * (high - low)
        assert high - low < value
    sharpest = float(torch.linalg.eigvalsh(p.sqrt()[:, None] * h * p.sqrt()).max())
    limit, m, bent = 2 * 1.9 / 0.1 / sharpest, float(mu @ pmu), float(pmu @ h @ pmu)
    rate = min(m / bent, limit)
    trace = found["metric_hessian"][0] * bent
    gain = rate * m - rate**2 * bent / 2
    assert found["edge"][0] == pytest.approx(trace / (m**2 / gain - bent), rel=1e-2)


def test_the_fit_and_the_knee_give_back_the_law_and_refuse_what_is_none():
    batches = 2.0 ** np.arange(9, 2, -1)
    steps = 30 * (1 + 50 / batches)

    found = measure.fit(batches, steps, 30.0)

    assert (found.s_min, found.critical) == pytest.approx((30, 50), rel=1e-6)
    assert found.residual < 1e-8
    # The ratio of neighbours is on a line between octaves to within the law's curvature.
    assert found.knee == pytest.approx(50, rel=0.03)
    assert np.isnan(measure.fit(batches, np.full(7, 30.0), 30.0).critical)
    assert np.isnan(measure.fit(batches, steps * 3.0 ** (-1.0) ** np.arange(7), 30.0).critical)


def test_a_loss_that_no_rate_lowers_gives_no_target():
    class Rising:
        def __init__(self, batch, rates):
            self.rates = rates

        def advance(self, steps):
            pass

        def losses(self):
            return np.stack([1 + self.rates] * 2)

    targets, _, found = measure.ladder(Rising, np.ones(2), np.ones(2), 64, (2, 4))

    assert np.isnan(targets).all()
    assert found == []


def test_a_target_is_crossed_between_two_times_and_never_is_nan():
    losses = np.array([[4.0, 4.0, 4.0], [2.0, 3.9, np.inf], [1.0, 3.8, 1.0]])

    found = measure.crossing(np.array([0.0, 10.0, 20.0]), losses, np.array([2.5, 2.5, 2.5]))

    assert found[0] == pytest.approx(7.5)
    assert np.isnan(found[1])
    assert found[2] == 20


def test_steps_at_a_batch_are_those_of_the_best_rate_of_the_grid():
    # H = 1 and noise that does not change: E L ← (1 − η)² L + η² T/2B.
    class White:
        def __init__(self, batch, rates):
            self.loss, self.rates = np.full(rates.shape, 0.5), rates
            self.noise = 0.0 if batch is None else 100.0 / batch

        def advance(self, steps):
            for _ in range(steps):
                self.loss = (1 - self.rates) ** 2 * self.loss + 0.5 * self.rates**2 * self.noise

        def losses(self):
            return np.stack([self.loss, self.loss])

    found = measure.steps_at(
        White, 64, np.full(2, 0.8), np.full(2, 0.5), np.array([[0.49] * 2, [0.3] * 2]), 8
    )

    # By hand, the last step cut on a line; losses are looked at after each of the first 24.
    def steps(rate, loss=0.5):
        for n in range(24):
            before, loss = loss, (1 - rate) ** 2 * loss + 0.5 * rate**2 * 100 / 64
            if loss <= 0.3:
                return n + (before - 0.3) / (before - loss)
        return np.inf

    # The best of the first grid is its lowest rate: the second lies two octaves below.
    grid = 0.2 * 2.0**measure.OCTAVES
    best = min(grid, key=steps)
    assert found.steps[-1] == pytest.approx(steps(best), rel=1e-9)
    assert found.rates[-1] == pytest.approx(best)
    assert not found.edge[-1].any()


def test_the_noise_scale_along_the_way_is_that_of_the_noiseless_steps():
    delta = np.random.default_rng(2).standard_normal(exact.DIM)

    found = path.along(exact.USUAL, delta, 0.5, 3)

    for step in range(4):
        m = exact.moments(exact.USUAL, (1 - 0.5 * exact.USUAL.lambdas) ** step * delta)
        assert found[step] == pytest.approx(m.noise / m.signal, rel=1e-12)
    # Noise that stays: it grows as the signal falls.
    assert found[3] > found[0]


def cell(problem, checkpoint, critical, predicted):
    """A made-up cell of three seeds that obeys the law."""
    batches = [256, 128, 64, 32, 16, 8, 4]
    steps = [[[8 * (1 + c / b) for c in critical], [32 * (1 + c / b) for c in critical]] for b in batches]
    return {
        "problem": problem, "checkpoint": checkpoint, "horizons": [8, 32], "loss": [1.0] * 3,
        "batches": batches, "steps": steps, "edges": [[0, 0]] * 7,
        "path_steps": [[0, 1000]] * 7, "path_left": [[1.0, 0.0]] * 7,
        "scales": {name: [[x, x, x] for x in predicted] for name in NAMES},
    }  # fmt: skip


def made(off):
    sizes = {"least squares, SGD": 20.0, "softmax, SGD": 60.0, "MLP, SGD": 180.0, "MLP, AdamW": 100.0}
    spread = np.array([0.9, 1.0, 1.1])
    return [
        cell(name, k, size * 2**k * spread, size * 2**k * off(i, k) * spread)
        for i, (name, size) in enumerate(sizes.items())
        for k in range(3)
    ]


def test_a_batch_whose_rate_is_not_tuned_is_left_out():
    one = cell("MLP, SGD", 0, [50.0, 50.0, 50.0], [1.0] * 3)
    one["edges"][2] = [1, 0]
    one["steps"][2] = [[1e6] * 3, one["steps"][2][1]]

    assert 2 ** verdict.numbers([one], 8).measured == pytest.approx(np.full((1, 3), 50.0), rel=1e-6)
    assert np.isnan(verdict.measured_steps(one, 0)[2]).all()
    assert np.isfinite(verdict.measured_steps(one, 1)).all()


@pytest.mark.parametrize(
    ("off", "word"),
    [
        (lambda i, k: 1.3, "survives"),
        (lambda i, k: 6.0, "up to a factor"),
        (lambda i, k: 30.0 ** ((i + k) % 2), "fails"),
    ],
)
def test_the_verdict_follows_the_criterion(off, word):
    found = verdict.numbers(made(off), 32)

    score = verdict.score(found, "simple", draws=200)

    assert score.word == word
    assert score.cells == 12
    assert verdict.chosen(dict.fromkeys(NAMES, score)) == (None if word == "fails" else "simple")


def test_cells_are_kept_and_the_report_is_made_of_them(tmp_path, monkeypatch):
    found = cells.measured(cells.EXACT, 0, seeds=2)
    assert np.array(found["steps"]).shape == (len(found["batches"]), 2, 2)
    assert found["scales"]["simple"][0] == pytest.approx(
        of_least_squares(exact.USUAL, exact.checkpoints(exact.USUAL, 2)[0][0])["simple"], rel=1e-5
    )
    monkeypatch.setattr(cells, "measured", lambda *a, **k: found)
    first = cells.kept(tmp_path, cells.EXACT, 0)
    monkeypatch.setattr(cells, "measured", None)
    assert cells.kept(tmp_path, cells.EXACT, 0) == first

    monkeypatch.setattr(command, "score", lambda n, name: verdict.score(n, name, draws=20))
    command.report([command.judged(command.PARTS[0], made(lambda i, k: 1.3))], tmp_path)

    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| MLP, SGD | late (1) | 71" in text
    assert "12 of 12 cells resolved" in text
    assert "predictor that survives: simple." in text
    assert (tmp_path / "critical_batch.png").stat().st_size > 10_000
