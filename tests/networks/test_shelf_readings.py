"""Phase and S of small networks of every kind, against all steps that there are and dense Hessians."""

import numpy as np
import pytest

from sdesim import measure, optimizers
from sdesim.networks.losses import CrossEntropy
from sdesim.runs import Probes
from tests.networks.test_shelf import NETWORKS, examples_of

torch = pytest.importorskip("torch")

from sdesim.networks.fully_connected import flat_parameters  # noqa: E402
from sdesim.networks.penalties import L2  # noqa: E402
from sdesim.training import Recipe, TorchOracle, record  # noqa: E402

RATE = 0.02


@pytest.mark.parametrize("name", ["conv", "transformer, every", "lstm"])
@pytest.mark.parametrize("penalty", [(), L2(0.2)], ids=["", "l2"])
def test_c_and_s_are_those_of_all_steps_and_of_the_dense_hessian(name, penalty):
    network = NETWORKS[name]
    data = examples_of(network, n=5)
    recipe = Recipe(
        network, CrossEntropy(), data, None, optimizers.SGD(RATE, batch_size=1), steps=1,
        sampling="with-replacement", penalty=penalty,
    )  # fmt: skip

    found = measure(record(recipe, probes=Probes(every=1, samples=4), progress=False))

    theta = flat_parameters(recipe.module)
    x, y = torch.tensor(data.x_train), torch.tensor(data.y_train)
    oracle = TorchOracle(recipe.module, recipe.loss_fn, x, y, 1)
    # Each of the five examples may be the next batch.
    steps = oracle.gradients_of(theta, torch.arange(5)[:, None], np.random.default_rng(0))
    falls = [oracle.loss(theta - RATE * g) - oracle.loss(theta) for g in steps]
    noise = ((steps - steps.mean(0)) ** 2).sum(1).mean()
    at = found.isel(trajectory=0, probe=0)
    drift = -RATE * noise * float(at["C_alpha"] - at["C_star"])
    # The third order is smaller by |η g| ~ 0.02 times a constant near 1.
    assert np.mean(falls) == pytest.approx(drift, rel=0.05)
    assert str(at["phase"].values) == "generalization"
    dense = np.array([oracle.hvp(theta, e) for e in np.eye(len(theta))])
    top = np.linalg.eigvalsh((dense + dense.T) / 2)[-1]
    # Lanczos ends at a residual of 1e-3 of the eigenvalue.
    assert float(at["S"]) == pytest.approx(2 * (1 - top * RATE / 2), rel=1e-4)
