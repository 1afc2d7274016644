"""Gradients of batches outside the step: of the training's examples, and the training is as it was."""

import functools
import math

import numpy as np
import pytest
import torch
from torch import nn

import sdesim
from sdesim.training.watching.batches import Drawn
from sdesim.training.watching.readings import _FIELDS
from sdesim.training.watching.spare import spare_gradient
from tests.training.watching.loops import LOSS, examples, network, train

DATA = torch.utils.data.TensorDataset(*examples())
LOADER = torch.utils.data.DataLoader(DATA, batch_size=16, shuffle=True)


def flat(gradients):
    return torch.cat([g.double().reshape(-1) for g in gradients])


def test_its_mean_is_the_gradient_of_all_examples():
    model, (x, y) = network(), examples()
    parameters = list(reversed(list(model.parameters())))
    optimizer = torch.optim.Adam(parameters, lr=0.1)
    mean = flat(torch.autograd.grad(LOSS(model(x), y), parameters))
    source, rng = Drawn(LOADER, "loader", LOSS, parameters[0]), np.random.default_rng(0)
    with torch.no_grad():
        drawn = torch.stack(
            [flat(spare_gradient(model, optimizer, source, parameters, rng)) for _ in range(80)]
        )

    # Five standard errors along the mean (6e-7), and every batch is another.
    along = (drawn - mean) @ mean
    assert abs(float(along.mean())) < 5 * float(along.std()) / math.sqrt(80)
    assert float(along.std()) / math.sqrt(80) < 0.1 * float(mean @ mean)
    assert all(p.grad is None for p in parameters)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (torch.optim.Adam, {"middle": functools.partial(nn.Dropout, 0.3)}),
        (functools.partial(torch.optim.SGD, momentum=0.9), {"clip": 0.05}),
    ],
)
def test_any_optimizer_s_steps_are_read_and_stay_as_they_are(make, options):
    model, monitor = train(make, steps=30, loss=LOSS, loader=LOADER, rate=0.01, **options)
    alone, _ = train(make, steps=30, watched=False, rate=0.01, **options)

    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), alone.parameters(), strict=True))
    rows = [dict(zip(_FIELDS, row, strict=True)) for row in monitor._readings._rows]
    assert len(rows) == 28
    assert all(math.isfinite(row["before"]) and math.isfinite(row["after"]) for row in rows)
    assert all(math.isnan(row["gain"]) for row in rows)
    read = [m for m in monitor.history if m.C_alpha is not None]
    assert read[-1].C_star is None
    drift = read[-1].lyapunov_drift
    assert drift.flags == ("no_interval", "reshuffled")
    assert drift.details["reshuffling_effect"] == pytest.approx(16 / 120 * read[-1].noise)
    # The drift of the very steps: no formula is doubted.
    measured = sdesim.measure(monitor.run())
    flags = set(str(measured["lyapunov_drift_flags"].values[0, -1]).split(";"))
    assert {"no_interval", "reshuffled"} <= flags <= {"no_interval", "reshuffled", "clipped"}
    assert (read[-1].phase, read[-1].phase_method) == ("transition", "successive-steps")
