"""Optimizers that couple stacked networks are told from those that don't."""

import pytest
import torch
from torch import nn

from sdesim import optimizers
from sdesim.training import mlp
from sdesim.training.batched.apart import steps_apart

NETWORK = mlp([4, 3, 2], seed=0)
TORCHS = torch.optim


def _clipped(parameters):
    made = TORCHS.SGD(parameters, lr=0.1)
    made.register_step_pre_hook(lambda *_: nn.utils.clip_grad_norm_(parameters, 1e3))
    return made


class _Own(TORCHS.Optimizer):
    """θ ← θ − η f(g)."""

    change = staticmethod(lambda g: g)

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.1})

    def step(self, closure=None):
        loss = self.before(closure)
        with torch.no_grad():
            for group in self.param_groups:
                if not self.skips(group):
                    for p in group["params"]:
                        p.sub_(group["lr"] * self.change(p.grad))
        return loss

    def before(self, closure):
        return closure()

    def skips(self, group):
        return False


class Signs(_Own):
    change = staticmethod(torch.sign)


class Centred(_Own):
    change = staticmethod(lambda g: g - g.mean())


class Rows(_Own):
    change = staticmethod(lambda g: g / g.norm(dim=-1, keepdim=True))


class Noisy(_Own):
    change = staticmethod(lambda g: g + torch.randn_like(g))


class Axes(_Own):
    change = staticmethod(lambda g: g if g.ndim > 1 else 0.5 * g)


class Careful(_Own):
    def skips(self, group):
        return not all(bool(p.grad.isfinite().all()) for p in group["params"])


class ByLoss(_Own):
    def before(self, closure):
        loss = closure()
        self.param_groups[0]["lr"] = 0.1 * float(loss)
        return loss


class Idle(_Own):
    def before(self, closure):
        return None


def _no_decay_of_biases(parameters):
    kinds = [[p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim == 1]]
    return TORCHS.SGD([{"params": kinds[0], "weight_decay": 0.1}, {"params": kinds[1]}], lr=0.1)


def _two_groups(parameters):
    return TORCHS.AdamW([{"params": parameters[:2], "lr": 0.01}, {"params": parameters[2:]}], lr=0.02)


ALONE = {
    "sgd": optimizers.SGD(0.5).build,
    "momentum": optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01).build,
    "adam": optimizers.Adam(0.01).build,
    "adamw": optimizers.AdamW(0.01).build,
    "adamax": optimizers.Adamax(0.01).build,
    "nadam": optimizers.NAdam(0.01).build,
    "radam": optimizers.RAdam(0.01).build,
    "adagrad": optimizers.Adagrad(0.01).build,
    "rmsprop": optimizers.RMSprop(0.01).build,
    "lion": optimizers.Lion(0.01).build,
    "rprop": lambda p: TORCHS.Rprop(p, lr=0.01),
    "asgd": lambda p: TORCHS.ASGD(p, lr=0.01),
    "foreach": lambda p: TORCHS.Adam(p, lr=0.01, amsgrad=True, foreach=True),
    "groups": _two_groups,
    "signs": Signs,
    # The last axis of a stack lies within one network.
    "rows": Rows,
}
COUPLED = {
    "muon": optimizers.Muon(0.01).build,
    "lbfgs": lambda p: TORCHS.LBFGS(p, lr=0.1),
    "adafactor": lambda p: TORCHS.Adafactor(p, lr=0.1),
    "clipped": _clipped,
    "centred": Centred,
    "noise of the global generator": Noisy,
    "axes": Axes,
    "skips for all": Careful,
    "by the loss": ByLoss,
    "no closure": Idle,
    "groups by axes": _no_decay_of_biases,
    "other parameters": lambda p: TORCHS.SGD(NETWORK.parameters(), lr=0.1),
}


@pytest.mark.parametrize("name", ALONE)
def test_what_moves_networks_apart_is_found(name):
    assert steps_apart(ALONE[name], NETWORK)


@pytest.mark.parametrize("name", COUPLED)
def test_what_couples_networks_is_found(name):
    assert not steps_apart(COUPLED[name], NETWORK)


def test_the_network_is_left_alone():
    before = [p.detach().clone() for p in NETWORK.parameters()]

    steps_apart(ALONE["adam"], NETWORK)

    assert all(torch.equal(a, b) for a, b in zip(before, NETWORK.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["momentum", "adam", "lion"])
def test_rounding_does_not_count(name, dtype):
    assert steps_apart(ALONE[name], mlp([17, 9, 3], seed=0, dtype=dtype))
