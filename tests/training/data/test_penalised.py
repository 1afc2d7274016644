"""Penalties are part of what is descended, and of nothing else; they have no noise."""

import numpy as np
import pytest

from sdesim import data, networks, optimizers
from sdesim.errors import RunError
from sdesim.networks.losses import CrossEntropy
from sdesim.networks.penalties import L1, L2
from sdesim.runs import Probes

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from sdesim.networks.fully_connected import flat_parameters  # noqa: E402
from sdesim.training import Recipe, TorchOracle, record  # noqa: E402
from sdesim.training.data.penalised import Penalised, penalised  # noqa: E402
from sdesim.training.twinning.plan import plan_twin  # noqa: E402

NET = networks.MLP((2, 3, 2), seed=1)
POINTS = data.Dataset(
    np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 2,
    np.random.default_rng(1).normal(size=(6, 2)), np.arange(6) % 2,
)  # fmt: skip
PENALTY = L2(0.3, "*weight")
SGD = optimizers.SGD(0.1, batch_size=3)


def recipe(**more):
    return Recipe(NET, CrossEntropy(), POINTS, None, SGD, **{"steps": 4, "penalty": PENALTY, **more})


def oracles(weights=None):
    """Without and with the penalty."""
    module, x, y = NET.build(), torch.tensor(POINTS.x_train), torch.tensor(POINTS.y_train)
    loss = CrossEntropy().function(POINTS)
    both = loss, penalised(loss, [PENALTY], module)
    return module, *(TorchOracle(module, each, x, y, 3, weights) for each in both)


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_gradient_and_hessian_hold_it_and_the_noise_does_not(weighted):
    weights = torch.linspace(0.5, 2.0, 12, dtype=torch.float64) if weighted else None
    module, plain, whole = oracles(weights)
    theta, v = flat_parameters(module), np.linspace(-1, 1, 17)
    decayed = np.concatenate(
        [np.full(p.numel(), float(n.endswith("weight"))) for n, p in module.named_parameters()]
    )
    rng = [np.random.default_rng(3) for _ in range(2)]

    draws = [o.gradients(theta, 8, r) for o, r in zip((plain, whole), rng, strict=True)]
    spread = [o.moments(theta).covariance.variance for o in (plain, whole)]

    assert whole.loss(theta) - plain.loss(theta) == pytest.approx(0.15 * float(decayed @ theta**2), rel=1e-12)
    np.testing.assert_allclose(
        whole.gradient(theta) - plain.gradient(theta), 0.3 * decayed * theta, rtol=1e-12, atol=1e-15
    )
    np.testing.assert_allclose(draws[1] - draws[0], np.tile(0.3 * decayed * theta, (8, 1)), atol=1e-14)
    np.testing.assert_allclose(whole.hvp(theta, v) - plain.hvp(theta, v), 0.3 * decayed * v, atol=1e-13)
    np.testing.assert_allclose(spread[1], spread[0], rtol=1e-10, atol=1e-16)
    # One after the other, in parts: each part has its share of the penalty.
    assert whole.streamed().loss() == pytest.approx(whole.loss(theta), rel=1e-12)


def test_training_descends_it_as_weight_decay_does_and_test_values_are_of_the_loss_alone():
    probes = Probes(every=2, samples=4, branches=2)
    run = record(recipe(penalty=L2(0.3)), probes=probes, progress=False)
    decayed = replace(recipe(penalty=()), optimizer=optimizers.SGD(0.1, batch_size=3, weight_decay=0.3))
    other = record(decayed, progress=False)

    # The same steps, by another sum: a few roundings.
    np.testing.assert_allclose(run["theta"].values, other["theta"].values, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(run["test_loss"].values, other["test_loss"].values, rtol=1e-12)
    np.testing.assert_array_equal(run["test_accuracy"].values, other["test_accuracy"].values)
    half = 0.15 * (other["theta"].values ** 2).sum(-1)
    np.testing.assert_allclose(run["loss"].values - other["loss"].values, half, rtol=1e-10)
    assert run.attrs["penalty"] == ["L2(factor=0.3, match='*')"]
    assert "penalty" not in other.attrs
    assert {"exact_signal", "progress", "progress_heldout"} <= set(run.data_vars)


def test_the_twin_has_it_too():
    run = record(recipe(sampling="with-replacement"), progress=False)

    surface = plan_twin(run, recipe(sampling="with-replacement")).surface

    module, _, whole = oracles()
    theta = flat_parameters(module)
    assert float(surface.loss(theta)) == pytest.approx(float(run["loss"][0, 0]), rel=1e-12)
    np.testing.assert_allclose(surface.grad(theta), whole.gradient(theta), rtol=1e-10, atol=1e-15)
    assert surface.examples == 12
    with pytest.raises(
        RunError, match="this loss, or else the data, are not the run's: with the accuracy as recorded"
    ):
        plan_twin(run, recipe(penalty=(), sampling="with-replacement"))


def test_a_recipe_that_is_changed_has_its_own_penalties_and_no_others():
    assert isinstance(recipe().loss_fn, Penalised)
    assert replace(recipe(), steps=5).loss_fn.penalties == (PENALTY,)
    assert replace(recipe(), penalty=[L1(0.1), L2(0.2)]).loss_fn.penalties == (L1(0.1), L2(0.2))
    assert replace(recipe(), penalty=()).loss_fn is torch.nn.functional.cross_entropy


def test_what_has_no_penalty_is_refused():
    with pytest.raises(RunError, match=r"penalty: match: found 'head\*', which fits none"):
        recipe(penalty=L2(0.1, "head*"))
    with pytest.raises(RunError, match="amplify goes without penalty"):
        record(recipe(amplify=2, sampling="with-replacement"), progress=False)
    with pytest.raises(RunError, match="penalty goes with loss_fn"):
        replace(recipe(), loss_fn=None, objective=lambda module, batch: module(batch[0]).sum())


def test_a_sum_over_the_batch_is_told_from_its_penalty():
    module, x, y = NET.build(), torch.tensor(POINTS.x_train), torch.tensor(POINTS.y_train)
    loss = penalised(torch.nn.CrossEntropyLoss(reduction="sum"), [PENALTY], module)

    assert TorchOracle(module, loss, x, y, 3).trial.reduction == "sum and constant"
