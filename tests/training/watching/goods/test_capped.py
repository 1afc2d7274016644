"""The critical batch with a Hessian, where μ, Σ and H are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sdesim import estimators as est
from sdesim.training.watching.goods.capped import Capped
from tests.training.watching.goods.bowls import bowl, step, visit

# λ/λ_crit, and η at which it was read.
EDGE = est.Estimate(0.5, 0.4, 0.625, 0.95, "", 4, ("not_converged", "unresolved"))


def sgd(net, **given):
    return torch.optim.SGD(net.parameters(), lr=0.1, **given)


def bought(capped, net, optimizer, examples, count, size=8, edge=(0.1, EDGE)):
    for k in range(count):
        sold = capped.buy(replace(visit(net, optimizer, examples, at=k, size=size), edge=edge))
    return sold


def truth(net, x, y, hessian, scale=1.0):
    """|μ|², μᵀHμ and Tr HΣ_1 of all examples, gradients scaled by a number or by each coordinate's."""
    matrix, w = x[0].double(), next(net.parameters()).detach()[0].double()
    g = (matrix.T @ (matrix @ w - y.double()).T).T
    root = torch.as_tensor(scale).double().sqrt() * torch.ones(len(w), dtype=torch.float64)
    g, h = g * root, root[:, None] * hessian * root
    mean = g.mean(dim=0)
    apart = g - mean
    return float(mean @ mean), float(mean @ h @ mean), float(((apart @ h) * apart).sum(dim=1).mean())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_without_noise_one_purchase_is_the_signal_and_its_bend(dtype):
    net, x, y, hessian = bowl(dtype)
    capped = Capped()
    assert bought(capped, net, sgd(net), (x, y), 1) is None
    signal, bent, _ = truth(net, x, y, hessian)

    # Differences of a quadratic are exact but for rounding.
    assert capped.state()[0] == pytest.approx([signal, bent, 0.0], rel=1e-3, abs=1e-3 * bent)


def test_rows_are_free_of_bias_and_the_interval_holds_the_truth():
    net, x, y, hessian = bowl(noise=4.0, n=200)
    capped = Capped()
    sold = bought(capped, net, sgd(net), (x, y), 64)
    signal, bent, trace = truth(net, x, y, hessian)
    rows = np.array(capped.state())

    # Five standard errors (6e-7 of each side).
    assert (abs(rows.mean(axis=0) - [signal, bent, trace]) < 5 * rows.std(axis=0, ddof=1) / 8).all()
    assert rows[:, 2].std(ddof=1) / 8 < 0.2 * trace
    for name, right in (("capped_signal", signal / trace), ("capped_bend", bent / trace)):
        assert sold.values[f"{name}_low"] < right < sold.values[f"{name}_high"], name
    found = sold.estimates["critical_batch_hessian"]
    assert found.low < est.hessian_noise_scale(signal, bent, trace, 0.2).value < found.high < 10 * found.low
    ratios = [sold.values[name] for name in ("capped_signal", "capped_bend")]
    assert found.value == pytest.approx(est.hessian_noise_scale(*ratios, 1.0, 0.2).value, rel=1e-12)
    assert (found.n, found.flags) == (64, ("not_converged",))


def test_of_a_training_that_moved_it_is_the_batch_of_now():
    net, x, y, hessian = bowl(noise=4.0, n=200)
    weight, capped = next(net.parameters()), Capped()
    best = torch.linalg.lstsq(x[0], y.mean(dim=0)).solution
    with torch.no_grad():
        weight.copy_(best + 8.0)
    bought(capped, net, sgd(net), (x, y), 32)
    before = est.hessian_noise_scale(*truth(net, x, y, hessian), 0.2).value
    with torch.no_grad():
        weight.copy_(best + 1.0)
    for k in range(32):
        made = visit(net, sgd(net), (x, y), at=100 + k)
        sold = capped.buy(replace(made, edge=(0.1, EDGE)))
    now = est.hessian_noise_scale(*truth(net, x, y, hessian), 0.2).value

    found = sold.estimates["critical_batch_hessian"]
    assert now > 30 * before
    # The ends of an average over all 64 would lie far below; after such a jump little is known of now.
    assert found.low < now < found.high


@pytest.mark.parametrize(
    ("given", "gain"),
    [({}, 1.0), ({"momentum": 0.9}, 10.0), ({"momentum": 0.5, "dampening": 0.25}, 1.5),
     ({"momentum": 0.5, "nesterov": True}, 2.0)],
)  # fmt: skip
def test_rates_go_as_far_as_the_edge_that_was_bought(given, gain):
    net, x, y, _ = bowl(noise=1.0)
    sold = bought(Capped(), net, sgd(net, **given), (x, y), 3)

    # A gradient moves θ by ηk in all; η = 0.1 is at 0.4 to 0.625 of the edge.
    rates = [sold.values[f"capped_rate{end}"] for end in ("", "_low", "_high")]
    assert rates == pytest.approx([0.1 * gain / 0.5, 0.1 * gain / 0.625, 0.1 * gain / 0.4], rel=1e-12)


def test_it_is_read_in_the_metric_of_an_optimizer_that_adapts():
    net, x, y, hessian = bowl(torch.float64, noise=0.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    capped = Capped()
    # Before its first step the metric is not known.
    assert bought(capped, net, optimizer, (x, y), 1) is None
    assert capped.state() == []
    step(net, optimizer, x, y)
    bought(capped, net, optimizer, (x, y), 1)

    second = optimizer.state[next(net.parameters())]["exp_avg_sq"][0] / (1 - 0.999)
    signal, bent, _ = truth(net, x, y, hessian, 1 / (second.sqrt() + 1e-8))
    assert capped.state()[0] == pytest.approx([signal, bent, 0.0], rel=1e-6, abs=1e-6 * bent)


def test_without_an_edge_rows_are_kept_and_without_a_threshold_none_are():
    net, x, y, _ = bowl(noise=1.0)
    capped = Capped()
    assert bought(capped, net, sgd(net), (x, y), 4, edge=None) is None
    later = Capped()
    later.restore(capped.state())
    assert bought(later, net, sgd(net), (x, y), 1) is not None
    assert len(later.state()) == 5

    own = type("Own", (torch.optim.SGD,), {})(net.parameters(), lr=0.1)
    unknown = Capped()
    assert bought(unknown, net, own, (x, y), 1) is None
    assert (unknown.state(), unknown.ready(1)) == ([], False)


def test_weights_are_as_they_were():
    net, x, y, _ = bowl(noise=1.0)
    before = next(net.parameters()).detach().clone()
    bought(Capped(), net, sgd(net), (x, y), 1)

    assert torch.equal(before, next(net.parameters()).detach())
    assert next(net.parameters()).grad is None
