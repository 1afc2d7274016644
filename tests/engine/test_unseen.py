"""Readings of what a simulated epoch has left."""

import numpy as np
import torch
from torch import nn

from sdesim import Probes, training
from sdesim.noise.epochs import Epochs, orders
from sdesim.noise.kernel import Drawn

EXAMPLES, BATCH = 12, 4


def test_a_twin_by_epochs_reads_the_mean_gradient_of_the_examples_not_yet_seen():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(EXAMPLES, 1, 6, generator=rng).double()
    y = torch.randint(3, (EXAMPLES,), generator=rng)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3)).double()
    loss = nn.CrossEntropyLoss()
    recipe = training.Recipe(
        net, loss, (x, y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=5, batch_size=BATCH
    )
    run = training.record(recipe, save_every=1, probes=Probes(every=5, samples=8), progress=False)

    made = training.twin(run, recipe, noise="subsample", seed=3, progress=False)

    # Step 5 is the last of the second epoch, so that the next batch is known.
    (order,) = orders(Epochs(EXAMPLES, BATCH), Drawn(3, 0, 0, 1, EXAMPLES, 5), 1)
    nn.utils.vector_to_parameters(torch.tensor(made["theta"].values[0, -1]), net.parameters())
    mean = {}
    for name, rows in (("whole", np.arange(EXAMPLES)), ("unseen", order[2 * BATCH :])):
        slopes = torch.autograd.grad(loss(net(x[rows]), y[rows]), list(net.parameters()))
        mean[name] = torch.cat([s.reshape(-1) for s in slopes]).numpy()
    last = {name: float(made[name].values[0, -1]) for name in made if name.startswith(("unseen", "whole"))}
    assert last["unseen_examples"] == BATCH
    assert last["unseen_factor"] == 0.0
    np.testing.assert_allclose(last["unseen_signal"], mean["unseen"] @ mean["whole"], rtol=1e-9)
    np.testing.assert_allclose(last["whole_signal"], mean["whole"] @ mean["whole"], rtol=1e-9)
    assert float(made["unseen_factor"].values[0, 0]) == run["unseen_factor"].values[0, 0]


def test_where_gradients_are_no_sums_over_examples_nothing_is_read_of_what_is_left():
    net = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Linear(3, 2)).double()
    x, y = torch.eye(4, dtype=torch.float64).repeat(3, 1), torch.arange(EXAMPLES) % 2
    recipe = training.Recipe(
        net, nn.CrossEntropyLoss(), (x, y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2,
        batch_size=BATCH,
    )  # fmt: skip
    run = training.record(recipe, save_every=1, probes=Probes(every=1, samples=4), progress=False)

    made = training.twin(run, recipe, progress=False)

    assert np.isfinite(made["lambda_max"].values).all()
    assert "unseen_signal" not in made
    assert np.isnan(run["unseen_signal"].values).all()
