"""From a recorded run, its network and its data to the surface, start and scheme of the SDE beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.engine.schemes.heavy_ball import HeavyBall
from sdesim.errors import RunError
from sdesim.networks.fully_connected import as_dense, flat_parameters, network_surface
from sdesim.runs import Probes
from sdesim.surfaces import TorchSurface
from sdesim.training.data.examples import Examples, training_and_test
from sdesim.training.loop.one_seed import fresh_module, isolated_torch

Array = NDArray[np.float64]
# A float32 network's loss differs by about this from that of the float64 surface.
_SAME_LOSS = 1e-4


@dataclass(frozen=True, eq=False)
class Original:
    """A recorded run with all that its imitation needs.

    Attributes:
        run: the recorded run.
        surface: the training loss, `MLP` where the network allows, else `TorchSurface`.
        starts: where its trajectories began, (K, d).
        evaluation: accuracies and test loss at θ.
        learning_rate: η. steps: how many. batch_size: B, 0 for full batch.
    """

    run: xr.Dataset
    surface: Any
    starts: Array
    evaluation: ModuleEvaluation
    learning_rate: float
    steps: int
    batch_size: int

    @property
    def scheme(self) -> Any:
        """Euler–Maruyama, or heavy ball at the recorded momentum."""
        momentum = float(self.run.attrs.get("momentum") or 0.0)
        nesterov = bool(self.run.attrs.get("nesterov", False))
        return HeavyBall(momentum, nesterov) if momentum else "euler-maruyama"

    def probes(self, stretch: int) -> Probes | None:
        """The recorded run's probes where one of its steps is ``stretch`` of the twin's."""
        if "probe" not in self.run.dims:
            return None
        at = np.asarray(self.run["probe_step"].values)
        every = int(at[1] - at[0]) if len(at) > 1 else self.steps
        groups: dict[Literal["gradient", "curvature"], bool] = {
            "gradient": "signal" in self.run,
            "curvature": "lambda_max" in self.run,
        }
        samples = np.asarray(self.run["gradient_samples"].values) if groups["gradient"] else np.array([64.0])
        return Probes(
            every * stretch,
            int(np.nanmax(samples)),
            int(self.run.attrs.get("probe_batch_size") or 0) or None,
            tuple(name for name, held in groups.items() if held),
            int(self.run.attrs.get("probe_trajectories", len(self.starts))),
        )


class ModuleEvaluation:
    """Train accuracy, test loss and test accuracy of a module at any θ, in evaluation mode.

    Args:
        module: the network; a float64 copy is kept.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        train, test: examples; test may be None.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, test: Examples | None
    ) -> None:
        self.module = copy.deepcopy(module).double().eval()
        self.loss_fn = loss_fn
        self.train, self.test = train, test

    @torch.no_grad()
    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        rows = [self._at(point) for point in theta]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _at(self, theta: Array) -> dict[str, float]:
        with isolated_torch():
            flat = torch.from_numpy(np.array(theta, dtype=np.float64))
            nn.utils.vector_to_parameters(flat, self.module.parameters())
            found: dict[str, float] = {}
            for name, examples in (("train", self.train), ("test", self.test)):
                if examples is None:
                    continue
                x = examples.x.double() if examples.x.is_floating_point() else examples.x
                y = examples.y.double() if examples.y.is_floating_point() else examples.y
                output = self.module(x)
                if name == "test":
                    found["test_loss"] = float(self.loss_fn(output, y))
                if examples.labelled and output.ndim == 2:
                    found[f"{name}_accuracy"] = float((output.argmax(dim=1) == y).double().mean())
        return found


def original(
    run: xr.Dataset, module: nn.Module, loss_fn: Callable[..., Any], train: Any, test: Any
) -> Original:
    """Check that a run can have a twin, and lay out what it needs.

    Raises:
        RunError: the run is not of plain or momentum SGD at one learning rate, or was not made with this
            network, loss and data.
    """
    _check_optimizer(run)
    if run.attrs.get("sampling") in ("weighted", "sampler"):
        how = run.attrs.get("sampler", "weights")
        raise RunError(
            f"a twin needs a run that draws its examples uniformly, this one drew them by {how}: the SDE "
            "follows the plain mean of their losses"
        )
    if "readings" in run.attrs:
        raise RunError(
            "a twin needs fixed examples, this run read them anew each time: the SDE's loss would be another"
        )
    parameter = next(iter(module.parameters()), None)
    if parameter is None:
        raise RunError("the module has no parameters to train")
    examples, held_out = training_and_test(train, test, parameter.dtype)
    surface: Any
    if as_dense(module, loss_fn) is not None and examples.x.ndim == 2:
        surface = network_surface(module, examples.x, examples.y, loss_fn)
    else:
        surface = TorchSurface(module, loss_fn, examples.x, examples.y)
    starts = _starts(run, module)
    if starts.shape[1] != surface.dim:
        raise RunError(f"the run has {starts.shape[1]} parameters, the module {surface.dim}")
    recorded = np.asarray(run["loss"].values[:, 0], dtype=np.float64)
    found = np.asarray(surface.loss(starts))
    if not np.allclose(found, recorded, rtol=_SAME_LOSS, atol=1e-8):
        raise RunError(
            f"this network, loss and data are not the run's: the loss at the start is {found[0]:.6g}, "
            f"recorded was {recorded[0]:.6g}"
        )
    return Original(
        run=run,
        surface=surface,
        starts=starts,
        evaluation=ModuleEvaluation(module, loss_fn, examples, held_out),
        learning_rate=float(run.attrs["learning_rate"]),
        steps=int(run["step"].values[-1]),
        batch_size=int(run.attrs.get("batch_size") or 0),
    )


def _check_optimizer(run: xr.Dataset) -> None:
    if run.attrs.get("kind") != "real":
        raise RunError("a twin is made of a real run, as sdesim.training.record makes it")
    if run.attrs.get("clients"):
        raise RunError("a run of clients has no twin: between two rounds each follows a loss of its own")
    kind = str(run.attrs.get("optimizer", ""))
    if kind != "sgd":
        raise RunError(
            f"a twin needs a run of torch.optim.SGD, this one was trained by {kind!r}: its steps are not "
            "the gradient with noise, so the SDE of the loss does not describe them"
        )
    for name in ("weight_decay", "dampening"):
        value = float(run.attrs.get(name) or 0.0)
        if value:
            raise RunError(f"a twin needs {name} 0, the run has {value:g}: the SDE follows the loss alone")
    rates = np.asarray(run["learning_rate"].values, dtype=np.float64)
    rates = rates[np.isfinite(rates)]
    if rates.size and np.ptp(rates) > 1e-12 * rates.max():
        raise RunError(
            f"a twin needs one learning rate, the run's goes from {rates.min():g} to {rates.max():g}"
        )


def _starts(run: xr.Dataset, module: nn.Module) -> Array:
    """θ₀ of every trajectory (K, d): as recorded, else drawn again as the recording drew it."""
    if "theta" in run:
        return np.asarray(run["theta"][:, 0].values, dtype=np.float64)
    init, seed = str(run.attrs.get("init", "module")), int(run.attrs.get("seed", 0))
    if init == "given":
        raise RunError(
            "the run began with given parameters and does not hold them: record it with theta in save"
        )
    with isolated_torch():
        made = [
            fresh_module(module, seed, k if init == "fresh" else 0) for k in range(run.sizes["trajectory"])
        ]
        return np.stack([flat_parameters(m) for m in made])
