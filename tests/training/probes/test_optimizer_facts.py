"""What a run says of the optimizer that made it."""

import numpy as np
import pytest

import sdesim
from tests.training.breadth import OPTIM, train

OPTIMIZERS = {
    "nesterov": lambda p: OPTIM.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: OPTIM.Adam(p, lr=0.01),
    "adamw": lambda p: OPTIM.AdamW(p, lr=0.01),
    "rmsprop": lambda p: OPTIM.RMSprop(p, lr=0.001),
    "adagrad": lambda p: OPTIM.Adagrad(p, lr=0.05),
    "adamax": lambda p: OPTIM.Adamax(p, lr=0.01),
    "groups": lambda p: OPTIM.SGD(
        [{"params": p[:2], "lr": 0.2}, {"params": p[2:], "lr": 0.05, "weight_decay": 0.1}], lr=0.1
    ),
    "lbfgs": lambda p: OPTIM.LBFGS(p, lr=0.1, max_iter=2),
    "nadam": lambda p: OPTIM.NAdam(p, lr=0.01),
}  # fmt: skip

WITHOUT_THRESHOLD = ("lbfgs",)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_has_its_own_margin_or_says_that_none_is_known(name):
    run = train(optimizer=OPTIMIZERS[name], probes=sdesim.Probes(every=4, samples=6))
    measured = sdesim.measure(run)

    # Adaptive ones know no preconditioner before their first step.
    margins, flags = measured.S.values[0, 1:], measured.S_flags.values[0, -1]
    if name in WITHOUT_THRESHOLD:
        assert np.isnan(margins).all()
        assert "no_threshold" in flags
    else:
        assert np.isfinite(margins).all()
    assert np.isfinite(measured.lambda_max.values).all()
