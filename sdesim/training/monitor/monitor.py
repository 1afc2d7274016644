"""A monitor beside any training loop: what it measures is what `record` and `measure` would.

Source: the monitoring of §12.3 and the detection of §11.2, with intervals.
"""

from __future__ import annotations

import copy
import math
import time as clock
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from sdesim.errors import RunError
from sdesim.estimators.curvature.stability import critical_sharpness
from sdesim.io.threads import single_blas_thread
from sdesim.networks.fully_connected import flat_parameters, parameter_groups
from sdesim.runs import RunWriter, measure, probe, probe_rng, projection_directions
from sdesim.runs.schema import (
    CURVATURE_PROBE,
    EVERY_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    HELDOUT_PROBE,
    METRIC_PROBE,
    PROGRESS_PROBE,
    STEP_PROBE,
    VIRTUAL_PROBE,
)
from sdesim.runs.validity import validity_flags
from sdesim.runs.virtual_steps import virtual_steps
from sdesim.sinks import Base as SinkRecipe
from sdesim.sinks import Sink, opened
from sdesim.training.data.augmentation import Augment, Reader, fresh_batches
from sdesim.training.data.fresh_examples import Batches, FreshOracle
from sdesim.training.data.undisturbed import LoaderExamples, Rows, undisturbed
from sdesim.training.data.weighting import is_mean
from sdesim.training.loop.recipe import Recipe
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.monitor.progress import Window, clipping, opened_window
from sdesim.training.monitor.recipe_parts import loader_and_validation
from sdesim.training.monitor.threshold import Crossing, CrossingDetector
from sdesim.training.probes.network_oracle import TorchOracle
from sdesim.training.probes.optimizer_facts import optimizer_attributes, step_rate
from sdesim.training.probes.preconditioning import curvature_metric, linear_step
from sdesim.training.probes.trial import Trial, tried

# So many examples tell whether the loss is a mean over them.
_TRIED = 8


class Monitor:
    """Measures a network in training, without changing the training by a bit.

    Call `step` after each optimizer step. The monitor draws its own minibatches, with replacement, from the
    examples behind the loader, with a generator of its own; weights, modes, buffers, gradients and every
    random generator are afterwards as before.

    Args:
        model: the network, on the CPU; or a `Recipe`, whose module is being trained, with its loss, data (the
            test examples for validation), batch size and augmentation.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        loader: a DataLoader, (X, y), a torch Dataset with a length, or a `sdesim.data.Dataset`.
        optimizer: the one in use; gives η and what S means. Without it give learning_rate.
        learning_rate: η, where no optimizer is given.
        batch_size: B of the training; default the loader's.
        every: steps between measurements, the first at step 1.
        curvature_every: measurements between those that take the Hessian too (λ_max, S, C*, I); 0: never.
        samples: minibatch gradients drawn for one measurement, n.
        examples: most examples used for the loss and the Hessian.
        validation: like loader; its loss is taken at each measurement.
        seed: of the monitor's own draws.
        threshold, detection, confirm: of crossings, as in `CrossingDetector`.
        announce: called with each `Crossing`; `print` by default, None for silence.
        sinks: where measurements go: sinks, or recipes of them, which are opened.
        unpack: collated batch → (x, y), where batches are not pairs.
        augment: ``augment(x, generator)`` → x, where the loop augments its batches itself; what is measured
            is then augmented too, as examples of a Dataset with random transforms are by the Dataset.
        window: steps before a measurement (at most `every`) over which progress is measured: the loss of the
            same independent batches at both ends; 0: never.
        branches: virtual steps, where the Hessian is taken, for `C_star_trapezoid` of plain SGD; 0: none.
        clip: largest norm of the gradient that the loop lets through, where it clips; without it clipping is
            told by gradients that are shorter than any that was drawn, where they are kept after the step.

    Attributes:
        gradient_path: how minibatch gradients were made: "outer products", "vmap" or "minibatches"; empty
            before the first.
        history: measurements, oldest first.
        crossings: crossings found so far.

    Raises:
        RunError: an argument out of range, a network not on the CPU, or fewer examples than one batch.
    """

    def __init__(
        self, model: nn.Module | Recipe, loss_fn: Any = None, loader: Any = None, *, optimizer: Any = None,
        learning_rate: float | None = None, batch_size: int | None = None, every: int = 2000,
        curvature_every: int = 5, samples: int = 32, examples: int = 1000, validation: Any = None,
        seed: int = 0, threshold: float | str = 0.5, detection: str = "confident-crossing", confirm: int = 3,
        announce: Callable[[Crossing], Any] | None = print, sinks: Sequence[Sink | SinkRecipe] = (),
        unpack: Callable[[Any], Any] | None = None, augment: Augment | None = None,
        window: int = 50, branches: int = 8, clip: float | None = None,
    ) -> None:  # fmt: skip
        full_batch = False
        if isinstance(model, Recipe):
            loader, test = loader_and_validation(model, loss_fn, loader)
            validation = test if validation is None else validation
            batch_size, full_batch = batch_size or model.batch_size, model.batch_size is None
            loss_fn, augment = model.loss_fn, augment or model.augment
            model = model.module
        elif loss_fn is None or loader is None:
            raise RunError("monitor: give a Recipe, or loss_fn and loader beside the model")
        least = {"every": (every, 1), "curvature_every": (curvature_every, 0), "samples": (samples, 2),
                 "examples": (examples, 1), "seed": (seed, 0), "window": (window, 0),
                 "branches": (branches, 0)}  # fmt: skip
        for name, (value, smallest) in least.items():
            if value < smallest:
                raise RunError(f"monitor: {name} must be at least {smallest}, got {value}")
        if optimizer is None and learning_rate is None:
            raise RunError("monitor: give optimizer=… or learning_rate=…")
        if optimizer is not None and not hasattr(optimizer, "param_groups"):
            raise RunError(
                "monitor: optimizer must be the one in use, as torch.optim makes it, not what makes one, got "
                f"{type(optimizer).__name__}"
            )
        _check_devices(model)
        self._data = LoaderExamples(loader, "loader", unpack)
        self._validation = None if validation is None else LoaderExamples(validation, "validation", unpack)
        self._batch = batch_size or self._data.batch_size
        if self._batch is None and full_batch:
            self._batch = len(self._data)
        if self._batch is None:
            raise RunError("monitor: give batch_size=…, the loader does not tell one")
        if len(self._data) < self._batch:
            raise RunError(
                f"monitor: the loader holds {len(self._data)} examples, fewer than one batch of "
                f"{self._batch}; give a smaller batch_size or more examples"
            )
        self._model: nn.Module = model
        self._loss_fn, self._optimizer = loss_fn, optimizer
        self._rate = learning_rate
        self._every, self._curvature_every = every, curvature_every
        self._samples, self._examples, self._seed = samples, examples, seed
        self._detector = CrossingDetector(threshold, detection, confirm)
        self._announce, self._sinks = announce, tuple(opened(sink) for sink in sinks)
        self._directions = projection_directions(sum(p.numel() for p in model.parameters()))
        self._groups = parameter_groups(model)
        self._dtype = next(model.parameters()).dtype
        self._probes: list[dict[str, Any]] = []
        self._time, self._step, self._spent = 0.0, 0, 0.0
        self._started: float | None = None
        self._weighable: bool | None = None
        self._trial: Trial | None = None
        self._reader = self._new_reader(augment)
        self._span, self._branches, self._clip = min(window, every), branches, clip
        self._window: Window | None = None
        self._clipping = "unknown"
        self.history: list[Measurement] = []
        self.crossings: list[Crossing] = []
        self.gradient_path = ""

    @property
    def learning_rate(self) -> float:
        """η of the next step."""
        if self._optimizer is None:
            assert self._rate is not None
            return self._rate
        return step_rate(self._optimizer)

    @property
    def cost(self) -> dict[str, float]:
        """Seconds spent measuring, and their share of the time since the first step."""
        whole = 0.0 if self._started is None else clock.perf_counter() - self._started
        return {"seconds": self._spent, "share": self._spent / whole if whole > 0 else 0.0}

    def step(self) -> Measurement | None:
        """Count one optimizer step, and measure where one is due."""
        if self._started is None:
            self._started = clock.perf_counter()
        self._step += 1
        self._time += self.learning_rate
        made = self.measure() if (self._step - 1) % self._every == 0 else None
        if self._span and (self._step - 1 + self._span) % self._every == 0:
            began = clock.perf_counter()
            with self._aside(1):
                self._window = opened_window(
                    self._model, self._loss_fn, self._draw, self._validation, self._batch or 1,
                    probe_rng(self._seed, 2, self._step), self._step,
                )  # fmt: skip
            self._spent += clock.perf_counter() - began
        return made

    def measure(self) -> Measurement:
        """Measure now."""
        began = clock.perf_counter()
        with self._aside(0):
            values = self._probe()
            validation = self._validation_loss()
        measurement = self._made(values, validation, began)
        self._spent += measurement.cost_seconds
        self._probes.append(values)
        self.history.append(measurement)
        for sink in self._sinks:
            sink.write(measurement)
        for crossing in self._detector.update(self.history):
            self.crossings.append(crossing)
            if self._announce is not None:
                self._announce(crossing)
        return measurement

    @contextmanager
    def _aside(self, stream: int) -> Iterator[None]:
        """Random numbers and threads of the monitor's own; those of the training are afterwards as before."""
        seed = int(probe_rng(self._seed, stream, self._step).integers(2**31))
        held = (self._data.data, None if self._validation is None else self._validation.data)
        # The user's training may use more threads; these results must not depend on how many.
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with undisturbed(seed, *held), single_blas_thread(), torch.enable_grad():
                yield
        finally:
            torch.set_num_threads(threads)

    def close(self) -> None:
        """Close the sinks."""
        for sink in self._sinks:
            sink.close()

    def run(self, out: str | Path | None = None) -> xr.Dataset:
        """All measurements as a Run, for `measure`, `compare` and `open_run`; written to ``out`` if given.

        Raises:
            RunError: nothing was measured yet, or ``out`` can't be written.
        """
        if not self._probes:
            raise RunError("monitor: nothing was measured yet")
        return self._as_run(self._probes, out)

    def _probe(self) -> dict[str, Any]:
        """What `probe` finds at the present weights, and the loss."""
        rng = probe_rng(self._seed, 0, self._step)
        theta = flat_parameters(self._model)
        x, y, weights = self._at_hand(rng)
        values: dict[str, Any] = {"step": self._step, "time": self._time}
        values["loss"] = self._loss(x, y, theta, weights)
        if not (math.isfinite(values["loss"]) and np.isfinite(theta).all()):
            return values
        values["weight_norm"] = float(np.linalg.norm(theta))
        if self._window is not None:
            values |= self._window.close(self._step)
            self._window = None
        if self._trial is None:
            self._trial = tried(self._model, self._loss_fn, x, y)
        drawn = FreshOracle(self._model, self._loss_fn, x, y, self._batch or 1, weights, self._draw)
        # A way that failed before would fail again.
        drawn.path = self.gradient_path or drawn.path
        due = self._curvature_every and len(self.history) % self._curvature_every == 0
        metric = None if self._optimizer is None else curvature_metric(self._model, self._optimizer)
        model = self._facts().get("optimizer_model")
        values |= probe(
            drawn, theta, samples=self._samples, rng=rng, step_size=self.learning_rate,
            directions=self._directions, groups=self._groups, curvature=bool(due), metric=metric,
            step=linear_step(self._model, self._optimizer) if model == "linear" else None,
        )  # fmt: skip
        if due and self._branches and model == "plain":
            made = virtual_steps(
                drawn, theta, self._branches, step_size=self.learning_rate, seed=(self._seed, 3, self._step),
                trained=None if metric is None else metric.trained,
            )  # fmt: skip
            values |= {"progress_count": made["progress_count"]} | values | made
        self._clipping = clipping(self._model, values["gradient_norm2"], self._clip)
        self.gradient_path = drawn.path
        return values

    def _new_reader(self, augment: Augment | None) -> Reader | None:
        """What reads examples anew, where they differ at each reading."""
        with undisturbed(self._seed, self._data.data):
            if augment is None and self._data.fixed(self._dtype):
                return None
        take = lambda rows: self._data.take(rows.numpy(), self._dtype)  # noqa: E731
        return Reader(take, augment, (self._data.data,), "loader")

    def _draw(self, n: int, size: int, rng: np.random.Generator) -> Batches:
        """n minibatches of independent examples, with the sampler's weights."""
        rows = self._data.draw((n, size), rng)
        if self._reader is not None:
            yield from fresh_batches(self._reader, rows, rng)
            return
        different, place = np.unique(rows, return_inverse=True)
        x, y = self._data.take(different, self._dtype)
        yield x, y, torch.from_numpy(place.reshape(rows.shape))

    def _take(self, rows: Rows, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Examples for the loss and the Hessian, read once."""
        if self._reader is None:
            return self._data.take(rows, self._dtype)
        return self._reader.read_in_batches(
            torch.from_numpy(rows), self._batch or 1, lambda: int(rng.integers(2**63))
        )

    def _at_hand(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """x, y and weights of the examples for the loss and the Hessian: all of them, or as many as asked.

        Of weighted ones all are taken with their weights where the loss is a mean over examples; else so many
        are drawn, and the loss is theirs.
        """
        chosen = self._data.some(self._examples, rng)
        x, y = self._take(chosen, rng)
        weights = self._data.weights
        if weights is None or self._examples < len(self._data):
            return x, y, None
        if self._weighable is None:
            with torch.no_grad():
                self._weighable = is_mean(
                    self._loss_fn, copy.deepcopy(self._model).eval()(x[:_TRIED]), y[:_TRIED]
                )
        if not self._weighable:
            return *self._take(self._data.draw((len(self._data),), rng), rng), None
        return x, y, torch.from_numpy(weights[chosen])

    def _loss(
        self, x: torch.Tensor, y: torch.Tensor, theta: Any, weights: torch.Tensor | None = None
    ) -> float:
        if not np.isfinite(theta).all():
            return math.nan
        return TorchOracle(self._model, self._loss_fn, x, y, 1, weights).loss(theta)

    def _validation_loss(self) -> float | None:
        if self._validation is None:
            return None
        rows = self._validation.some(self._examples, probe_rng(self._seed, 1, 0))
        return self._loss(*self._validation.take(rows, self._dtype), flat_parameters(self._model))

    def _as_run(self, probes: Sequence[dict[str, Any]], out: str | Path | None = None) -> xr.Dataset:
        held = {name for values in probes for name in values}
        known = (*EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE, *CURVATURE_PROBE, *METRIC_PROBE, *STEP_PROBE,
                 *PROGRESS_PROBE, *HELDOUT_PROBE, *VIRTUAL_PROBE)  # fmt: skip
        names = [n for n in known if n in held]
        over_steps = [n for n in ("loss", "weight_norm") if n in held]
        steps, times = [v["step"] for v in probes], [v["time"] for v in probes]
        writer = RunWriter(
            kind="real", trajectories=1, steps=steps, time=times, dim=self._directions.shape[1],
            variables=[*over_steps, *names], probe_steps=steps, probe_time=times, samples=self._samples,
            directions=len(self._directions), groups=tuple(self._groups), attrs=self._attributes(),
            out=out, epoch=[s * (self._batch or 1) / len(self._data) for s in steps],
        )  # fmt: skip
        for k, values in enumerate(probes):
            for over in over_steps:
                writer.write(over, values.get(over, math.nan), trajectory=0, step=k)
            for name in names:
                if name in values:
                    writer.write(name, values[name], trajectory=0, probe=k)
        return writer.finish()

    def _facts(self) -> dict[str, Any]:
        known = self._optimizer is not None
        return optimizer_attributes(self._optimizer) if known else {"optimizer": "unknown"}

    def _attributes(self) -> dict[str, Any]:
        kind = self._facts()
        found = {} if self._trial is None else self._trial.attributes()
        drawn = "with-replacement" if self._data.weights is None else "weighted"
        return {
            "name": "monitor", "seed": self._seed, "learning_rate": self.learning_rate,
            "dt": self.learning_rate, "batch_size": self._batch or 0, "probe_batch_size": self._batch or 0,
            "dataset_size": len(self._data), "last_batch": self._data.last_batch, **kind, **found,
            "clipping": self._clipping, "progress_method": "steps",
            **({"gradient_path": self.gradient_path} if self.gradient_path else {}),
            "sampling": "epoch" if self._data.reshuffled else drawn,
        }  # fmt: skip

    def _made(self, values: dict[str, Any], validation: float | None, began: float) -> Measurement:
        rate, step = self.learning_rate, self._step
        measured, flags = None, self._data.flags
        if "signal" in values:
            run = self._as_run([values])
            measured = measure(run)
            flags += tuple(sorted({f for names in validity_flags(run.attrs).values() for f in names}))
        else:
            flags = (*flags, "loss_not_finite")
        return Measurement.of_probe(
            step, measured, self._samples, learning_rate=rate, time=self._time,
            epoch=step * (self._batch or 1) / len(self._data), batch_size=self._batch, loss=values["loss"],
            validation_loss=validation, flags=tuple(flags),
            lambda_crit=self._critical(values, rate), cost_seconds=clock.perf_counter() - began,
        )  # fmt: skip

    def _critical(self, values: dict[str, Any], rate: float) -> float | None:
        """λ_crit on the scale of λ_max: λ in the metric of the optimizer reaches its own threshold there, if
        both grow alike."""
        if self._optimizer is None:
            return critical_sharpness(rate) if rate > 0 else None
        metric = curvature_metric(self._model, self._optimizer)
        critical = metric.critical
        if metric.scale is not None:
            met = values.get("preconditioned_lambda_max", math.nan)
            critical = critical * values["lambda_max"] / met if met > 0 else math.nan
        return critical if 0 < critical < math.inf else None


def _check_devices(model: nn.Module) -> None:
    devices = sorted({str(p.device) for p in model.parameters()})
    if not devices:
        raise RunError("monitor: the model has no parameters")
    if devices != ["cpu"]:
        raise RunError(
            f"monitor: the model's parameters are on {', '.join(devices)}; they must all be on the CPU: "
            "give a CPU copy, or measure after model.cpu()"
        )
