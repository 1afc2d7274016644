"""A resume goes on with the same numbers only: arguments, code of one's own and values all count."""

import importlib
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from sdesim import noise, surfaces
from sdesim.engine.fingerprint import fingerprint
from sdesim.surfaces import SurfaceKernel
from tests.engine.plans import planned

KERNELS = """\
import sdesim
from slopes import SLOPE


@sdesim.compiled
def loss(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[w] = 0.5 * SLOPE * x[0, w] ** 2


@sdesim.compiled
def grad(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = SLOPE * x[0, w]
"""


@dataclass(frozen=True)
class Bowl:
    """A surface whose kernels stand in a module of the user's."""

    dim: int = 1
    wells: tuple[str, ...] = ()

    @property
    def start(self):
        return np.zeros(1)

    def loss(self, theta):
        return np.sum(np.asarray(theta) ** 2, axis=-1)

    def grad(self, theta):
        return 2.0 * np.asarray(theta)

    def hvp(self, theta, v):
        return 2.0 * np.asarray(v)

    def minima(self):
        return np.zeros((1, 1))

    def well(self, theta):
        return np.zeros(np.shape(theta)[:-1], dtype=np.int64)

    def kernel(self):
        return SurfaceKernel("bowl_kernels", "grad", "loss", np.zeros(0))


def made(surface, noises=(), **changes):
    return fingerprint(planned(surface, noises, **({"steps": 10, "trajectories": 2, "seed": 3} | changes)))


@pytest.fixture
def bowl(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "bowl_kernels.py").write_text(KERNELS)

    def load(slope):
        (tmp_path / "slopes.py").write_text(f"SLOPE = {slope}\n")
        for name in ("bowl_kernels", "slopes"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        importlib.import_module("bowl_kernels")
        return Bowl()

    yield load
    for name in ("bowl_kernels", "slopes"):
        sys.modules.pop(name, None)


def test_an_edit_of_a_helper_file_of_a_kernel_is_named(bowl):
    first, same, edited = (made(bowl(slope)) for slope in (2.0, 2.0, 3.0))

    assert first.key == same.key
    assert first.key != edited.key
    assert edited.difference(first.attrs()) == "file slopes.py changed; constant SLOPE changed"


def test_an_edit_of_a_function_in_memory_is_named_though_the_start_does_not_show_it():
    def surface(slope):
        def loss(x):
            return 0.5 * slope * np.sum(x * x)

        return surfaces.custom(loss, lambda x: slope * x, dim=1)

    first, edited = made(surface(1.0)), made(surface(10.0))

    assert surface(1.0).grad(np.zeros(1)) == surface(10.0).grad(np.zeros(1))
    assert edited.difference(first.attrs()) == "constant loss.slope changed; constant grad.slope changed"
    assert edited.acceptable(first.attrs())
    assert made(surface(1.0)).key == first.key


def test_changed_arguments_are_named_with_what_they_were():
    surface = surfaces.DoubleWell()
    first = made(surface, noise.Gaussian(diffusion=0.1))
    other = made(surface, noise.Gaussian(diffusion=0.2), dt=0.02)

    assert (
        other.difference(first.attrs())
        == "dt was 0.01, is 0.02; learning_rate was 0.01, is 0.02; noise 0 changed"
    )


def test_a_run_that_kept_no_parts_is_refused_without_words():
    assert made(surfaces.DoubleWell()).difference({"fingerprint": "0"}) == ""


def test_an_edit_of_a_torch_loss_or_module_is_named():
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1, dtype=torch.float64)
            torch.nn.init.zeros_(self.layer.weight)
            torch.nn.init.zeros_(self.layer.bias)

        def forward(self, x):
            return self.layer(x)

    class Edited(Net):
        def forward(self, x):
            return self.layer(x) + 0.0

    def scaled(output, y):
        return (output - y).square().mean() * 1.0

    x, y = torch.ones(4, 2, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)
    mse, huber = torch.nn.functional.mse_loss, torch.nn.functional.huber_loss
    first, same, scaling, other, edited = (
        made(surfaces.TorchSurface(net(), loss, x, y))
        for net, loss in ((Net, mse), (Net, mse), (Net, scaled), (Net, huber), (Edited, mse))
    )

    assert first.key == same.key
    # All gradients at the start are 0, and near it the first three losses are the very same.
    assert "function scaled is new" in scaling.difference(first.attrs())
    assert "changed" in other.difference(first.attrs())
    assert "function Edited.forward is new" in edited.difference(first.attrs())
