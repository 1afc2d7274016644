"""A monitor beside any training loop: what it measures is what `record` and `measure` would.

Source: the monitoring of §12.3 and the detection of §11.2, with intervals.
"""

from __future__ import annotations

import functools
import math
import time as clock
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from torch import nn

from sdesim.data.augmentations.base import Base as Augmentation
from sdesim.errors import RunError, SdesimError, failure
from sdesim.estimators.curvature.stability import critical_sharpness
from sdesim.io.threads import single_blas_thread
from sdesim.kinds.numbers import finite, level_of, whole
from sdesim.kinds.spelling import short
from sdesim.networks.fully_connected import parameter_groups
from sdesim.runs import Probes, measure, probe_rng, projection_directions
from sdesim.runs.probes import LARGEST
from sdesim.runs.validity import validity_flags
from sdesim.sinks import Base as SinkRecipe
from sdesim.sinks import Outlets, Sink
from sdesim.training.data.augmentation import Augment, chained
from sdesim.training.data.collation import Unpack, objective_or_loss, reading
from sdesim.training.data.fresh_examples import FreshOracle
from sdesim.training.data.undisturbed import LoaderExamples, undisturbed
from sdesim.training.loop.memory import check_readings
from sdesim.training.loop.recipe import Recipe
from sdesim.training.monitor.as_run import as_run
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.monitor.probed import Asked, probed
from sdesim.training.monitor.progress import Window, clipping, opened_window
from sdesim.training.monitor.purse import Purse, counted_passes
from sdesim.training.monitor.recipe_parts import loader_and_validation
from sdesim.training.monitor.shown import Shown
from sdesim.training.monitor.threshold import Crossing, CrossingDetector
from sdesim.training.probes.failures import Failures
from sdesim.training.probes.optimizer_facts import optimizer_attributes, step_rate
from sdesim.training.probes.preconditioning import curvature_metric, needs_metric
from sdesim.training.probes.reading import Reading, check_readable

# Most numbers N·d of example gradients that a reading takes where nobody says.
_LARGEST = 1e7


class _Readings(Probes):
    """What a monitor reads; its numbers are looked at, and the check of kinds would load megabytes."""


def _share(budget: Any) -> float:
    try:
        return level_of(budget)
    except SdesimError:
        rule = "above 0 and below 1, a share of the time"
        raise RunError(f"monitor: budget must be {rule}, got {short(budget)}") from None


class Monitor:
    """Measures a network in training, without changing the training by a bit.

    Call `step` after each optimizer step. The monitor draws its own minibatches, with replacement, from the
    examples behind the loader, with a generator of its own. The network and its loss are called as training
    calls them, and are afterwards as before: weights, modes, buffers, gradients, attributes, what hooks have
    written, and every random generator. A reading that fails is flagged, with its reason, and tried again
    more sparsely; it never ends the training.

    Args:
        model: the network, on any device; or a `Recipe`, whose module is being trained, with its loss, data
            (the test examples for validation), batch size and augmentation.
        loss_fn: ``loss_fn(output, y)`` → scalar loss of a batch; None beside an objective.
        loader: a DataLoader, (X, y), a torch Dataset with a length, or a `sdesim.data.Dataset`. A network of
            several inputs takes X as a tuple or dict, called as ``module(*x)`` and ``module(**x)``.
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
        sinks: where measurements go: sinks, recipes of them, which are opened, and paths of folders that
            `sdesim watch` reads. One that fails is told once as a warning, and is flag `sinks_failed`.
        unpack: collated batch → (x, y), where batches are not pairs.
        mode: "train": gradients, loss and Hessian are those of the network as it trains, in the modes that
            its parts have, or had when it was last seen in training; "eval": in evaluation mode.
        augment: as of `Recipe`, where the loop augments its batches itself; what is measured
            is then augmented too, as examples of a Dataset with random transforms are by the Dataset.
        window: steps before a measurement (at most `every`) over which progress is measured: the loss of the
            same independent batches at both ends; 0: never.
        branches: virtual steps, where the Hessian is taken, for `C_star_trapezoid` of plain SGD; 0: none.
        clip: largest norm of the gradient that the loop lets through, where it clips; without it clipping is
            told by gradients that are shorter than any that was drawn, where they are kept after the step.
        objective: ``objective(module, batch)`` → scalar mean loss of a whole batch (after ``unpack``, where
            there is one), for steps that are not ``loss_fn(module(x), y)``.
        budget: share of the time that measuring may take, such as 0.05. A measurement that is due waits until
            its price, known before it is taken (`price`), keeps the share; so the clock decides when it is
            made. None: all are made when they are due.
        exact: whether C, C*, drift and phase are read without sampling, from the gradients of all N examples
            (method "exact"). "auto": where the loader's examples are all at hand, the same each time, N·d is
            at most 10⁷, and the budget, where there is one, pays for it. True: up to 10⁹, budget or not.

    Attributes:
        gradient_path: how minibatch gradients were made: "outer products", "vmap", "minibatches" or "in
            place"; empty before the first.
        history: measurements, oldest first.
        crossings: crossings found so far.

    Raises:
        RunError: an argument out of range, a network without parameters, or fewer examples than one batch.
    """

    def __init__(
        self, model: nn.Module | Recipe, loss_fn: Any = None, loader: Any = None, *, optimizer: Any = None,
        learning_rate: float | None = None, batch_size: int | None = None, every: int = 2000,
        curvature_every: int = 5, samples: int = 32, examples: int = 1000, validation: Any = None,
        seed: int = 0, threshold: float | str = 0.5, detection: str = "confident-crossing", confirm: int = 3,
        announce: Callable[[Crossing], Any] | None = print,
        sinks: Sequence[Sink | SinkRecipe | str | Path] = (),
        unpack: Unpack | None = None, augment: Augment | Sequence[Augmentation] | None = None,
        objective: Callable[..., Any] | None = None, mode: str = "train",
        window: int = 50, branches: int = 8, clip: float | None = None, budget: float | None = None,
        exact: Literal["auto"] | bool = "auto",
    ) -> None:  # fmt: skip
        full_batch = False
        if isinstance(model, Recipe):
            loader, test = loader_and_validation(model, loss_fn, loader)
            validation = test if validation is None else validation
            batch_size, full_batch = batch_size or model.batch_size, model.batch_size is None
            loss_fn, augment, unpack = model.loss_fn, augment or model.augment, unpack or model.unpack
            model = model.module
        elif (loss_fn is None and objective is None) or loader is None:
            raise RunError("monitor: give a Recipe, or loss_fn (or objective) and loader beside the model")
        else:
            loss_fn = objective_or_loss(loss_fn, objective)
        least = {"every": (every, 1), "curvature_every": (curvature_every, 0), "samples": (samples, 2),
                 "examples": (examples, 1), "seed": (seed, 0), "window": (window, 0),
                 "branches": (branches, 0)}  # fmt: skip
        every, curvature_every, samples, examples, seed, window, branches = (
            whole(value, f"monitor: {name}", least=smallest, error=RunError)
            for name, (value, smallest) in least.items()
        )
        if batch_size is not None:
            batch_size = whole(batch_size, "monitor: batch_size", error=RunError)
        if learning_rate is not None:
            learning_rate = finite(learning_rate, "monitor: learning_rate", RunError)
        if budget is not None:
            budget = _share(budget)
        if optimizer is None and learning_rate is None:
            raise RunError("monitor: give optimizer=… or learning_rate=…")
        if optimizer is not None and not hasattr(optimizer, "param_groups"):
            raise RunError(
                "monitor: optimizer must be the one in use, as torch.optim makes it, not what makes one, got "
                f"{type(optimizer).__name__}"
            )
        if isinstance(model, type) or not hasattr(model, "parameters"):
            raise RunError(f"monitor: model must be a torch.nn.Module, got {short(model)}")
        check_readable(model, mode)
        taken = reading(loss_fn, unpack)
        self._data = LoaderExamples(loader, "loader", taken)
        self._validation = None if validation is None else LoaderExamples(validation, "validation", taken)
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
        self._announce, self._outlets = announce, Outlets(sinks)
        self._directions = projection_directions(sum(p.numel() for p in model.parameters()))
        self._groups, self._exact = parameter_groups(model), exact
        self._probes: list[dict[str, Any]] = []
        self._time, self._step, self._spent = 0.0, 0, 0.0
        self._began: tuple[str, ...] = ()
        self._started: float | None = None
        self._purse, self._ended, self._waiting = Purse(budget), math.nan, False
        self._reading = Reading(model, loss_fn, self._batch, mode)
        self._failures = Failures()
        self._shown = Shown(self._data, next(model.parameters()), self._batch, chained(augment, loader), seed)
        self._span, self._branches, self._clip = min(window, every), branches, clip
        self._window: Window | None = None
        self._clipping, self._exact_now = "unknown", False
        self.history: list[Measurement] = []
        self.crossings: list[Crossing] = []
        self._reading.look(optimizer)
        self._check()

    def _check(self) -> None:
        """Refuse readings that memory does not hold, and those without draws where there can't be any."""
        probes = _Readings(
            every=1, samples=self._samples, exact=self._able,
            estimators=("gradient", "curvature") if self._curvature_every else ("gradient",),
        )  # fmt: skip
        # What is streamed lies where the network does, and only this machine's own memory is known.
        if next(self._model.parameters()).device.type == "cpu" or not self._reading.streams(self._samples):
            check_readings(probes, self._reading.size, masked=False, of="monitor")
        if self._exact is not True or self._able:
            return
        at_hand = min(self._examples, len(self._data))
        if self._shown.anew:
            why = "examples are read anew for each batch"
        elif at_hand < len(self._data):
            why = f"{at_hand} of {len(self._data)} examples are at hand, raise examples"
        else:
            why = "the gradients of all examples are too many"
        raise RunError(f"monitor: exact=True can't be: {why}")

    @property
    def _able(self) -> bool:
        """Whether readings can do without draws, as far as sizes tell."""
        held = not self._shown.anew and len(self._data) <= self._examples
        size = len(self._data) * self._reading.size
        most = LARGEST if self._exact is True else _LARGEST
        return bool(self._exact) and held and size <= most and not self._reading.streams(self._samples)

    @property
    def gradient_path(self) -> str:
        """How minibatch gradients were made."""
        return self._reading.path

    @property
    def optimizer(self) -> Any:
        """The one in use, None where none was given."""
        return self._optimizer

    @property
    def learning_rate(self) -> float:
        """η of the next step."""
        if self._optimizer is None:
            assert self._rate is not None
            return self._rate
        return step_rate(self._optimizer)

    @property
    def sampling(self) -> str:
        """How the loader draws: "epoch", "with-replacement", "weighted", …"""
        return self._data.sampling

    @property
    def cost(self) -> dict[str, float]:
        """Seconds spent measuring, and their share of the time since the first step."""
        whole = 0.0 if self._started is None else clock.perf_counter() - self._started
        return {"seconds": self._spent, "share": self._spent / whole if whole > 0 else 0.0}

    @property
    def price(self) -> float:
        """Seconds that the next measurement will take: those of the last of its kind; before there was one,
        counted work times the shortest training step so far. NaN before the second step."""
        return self._price(self._able)

    def _price(self, exact: bool) -> float:
        return self._purse.price((self._bends, exact), self._work(exact))

    def _afforded(self, elapsed: float) -> bool | None:
        """Whether the next measurement does without draws, as the budget pays for it; None: for neither."""
        if self._exact is True or self._purse.share is None:
            ways = [self._able]
        else:
            ways = [True, False] if self._able else [False]
        for exact in ways:
            if self._purse.affords(self._price(exact), self._spent, elapsed):
                return exact
        return None

    @property
    def _bends(self) -> bool:
        """Whether the next measurement takes the Hessian."""
        return bool(self._curvature_every) and len(self.history) % self._curvature_every == 0

    def _work(self, exact: bool) -> float:
        """Training steps' worth of work in the next measurement."""
        at_hand = min(self._examples, len(self._data))
        return counted_passes(
            self._samples, at_hand / (self._batch or 1), curvature=self._bends,
            streamed=self._reading.streams(self._samples), subsampled=at_hand < len(self._data),
            preconditioned=self._optimizer is not None and needs_metric(self._optimizer), exact=exact,
        )  # fmt: skip

    def begin_at(self, step: int) -> None:
        """Number steps on from those that were made without it, as before a checkpoint: the next is
        ``step`` + 1. Of their rates nothing is known: where it made none itself, time counts from here."""
        if not self._step:
            self._began = ("time_from_resume",)
        self._step = step

    def step(self) -> Measurement | None:
        """Count one optimizer step, and measure where one is due and paid for."""
        now = clock.perf_counter()
        if self._started is None:
            self._started = now
        elif self._step:
            self._purse.stepped(now - self._ended)
        made = self._stepped(now - self._started)
        self._ended = clock.perf_counter()
        return made

    def _stepped(self, elapsed: float) -> Measurement | None:
        self._step += 1
        self._time += self.learning_rate
        made = None
        if self._waiting or (self._step - 1) % self._every == 0:
            exact = self._afforded(elapsed)
            self._waiting = exact is None
            made = None if exact is None else self._measure(exact)
        if self._span and (self._step - 1 + self._span) % self._every == 0:
            began = clock.perf_counter()
            rng = probe_rng(self._seed, 2, self._step)
            with self._aside(int(rng.integers(2**31))), self._shown.reading():
                self._open(rng)
            self._spent += clock.perf_counter() - began
        return made

    def measure(self) -> Measurement:
        """Measure now."""
        return self._measure(self._able)

    def _measure(self, exact: bool) -> Measurement:
        self._exact_now = exact
        began = clock.perf_counter()
        seed = int(probe_rng(self._seed, 0, self._step).integers(2**31))
        with self._aside(seed), self._shown.reading():
            values, validation = self._everything(seed)
        bends, work = self._bends, self._work(exact)
        measurement = self._made(values, validation, began)
        self._spent += measurement.cost_seconds
        self._purse.paid((bends, exact), measurement.cost_seconds, work)
        self._probes.append(values)
        self.history.append(measurement)
        self._outlets.write(measurement)
        for crossing in self._detector.update(self.history):
            self.crossings.append(crossing)
            if self._announce is not None:
                self._announce(crossing)
        return measurement

    @contextmanager
    def _aside(self, seed: int) -> Iterator[None]:
        """Random numbers and threads of the monitor's own; those of the training are afterwards as before."""
        held = (self._data.data, None if self._validation is None else self._validation.data)
        # The user's training may use more threads; these results must not depend on how many.
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with undisturbed(seed, *held), single_blas_thread(), torch.enable_grad():
                yield
        finally:
            torch.set_num_threads(threads)

    def _open(self, rng: np.random.Generator) -> None:
        """Begin a window of measured progress, where the objective can be read."""
        held = None if self._validation is None else functools.partial(self._shown.read, self._validation)
        try:
            self._window = opened_window(
                self._model, self._loss_fn, self._shown.draw, self._validation, held, self._batch or 1, rng,
                self._step,
            )  # fmt: skip
        except Exception as error:
            self._failures.note(["progress"], {"progress": failure(error)})

    def close(self) -> None:
        """Close the sinks."""
        self._outlets.close(self.run)

    def run(self, out: str | Path | None = None) -> xr.Dataset:
        """All measurements as a Run, for `measure`, `compare` and `open_run`; written to ``out`` if given.

        Raises:
            RunError: nothing was measured yet, or ``out`` can't be written.
        """
        if not self._probes:
            raise RunError("monitor: nothing was measured yet")
        return self._as_run(self._probes, out)

    def _everything(self, seed: int) -> tuple[dict[str, Any], float | None]:
        """What could be read at the present weights, and the validation loss."""
        values: dict[str, Any] = {"step": self._step, "time": self._time, "loss": math.nan}
        found: dict[str, str] = {}
        due = {part: self._failures.due(part) for part in ("reading", "gradient", "validation")}
        due["curvature"] = self._bends and self._failures.due("curvature")
        validation = None
        if due["reading"]:
            try:
                self._probe(values, found, seed, due["gradient"], due["curvature"])
            except Exception as error:
                found["reading"] = failure(error)
        if due["validation"]:
            try:
                validation = self._validation_loss()
            except Exception as error:
                found["validation"] = failure(error)
        due["loss"] = due["exact"] = due["reading"]
        for part in self._failures.note([part for part, tried in due.items() if tried], found):
            warnings.warn(f"monitor: {part} not read at step {self._step}: {found[part]}", stacklevel=4)
        return values, validation

    def _probe(
        self, values: dict[str, Any], found: dict[str, str], seed: int, gradient: bool, curvature: bool
    ) -> None:
        """Add the loss and what `probe` finds at the present weights; reasons of what fails go to found."""
        rng = probe_rng(self._seed, 0, self._step)
        self._reading.look(self._optimizer)
        x, y, weights = self._at_hand(rng)
        drawn = self._reading.oracle(
            FreshOracle,
            x,
            y,
            self._batch or 1,
            weights,
            self._shown.draw,
            whole=self._whole(weights),
            seed=seed,
        )
        stream = self._reading.stream(drawn) if self._reading.streams(self._samples) else None
        try:
            values["loss"] = drawn.loss(self._reading.theta()) if stream is None else stream.loss()
        except Exception as error:
            found["loss"] = failure(error)
        if not self._reading.finite() or not (math.isfinite(values["loss"]) or "loss" in found):
            return
        values["weight_norm"] = self._reading.weight_norm()
        progress = {} if self._window is None else self._window.close(self._step)
        self._window = None
        values |= probed(
            self._reading, self._model, drawn, stream,
            Asked(
                samples=self._samples, branches=self._branches, gradient=gradient, curvature=curvature,
                directions=self._directions, optimizer=self._optimizer,
                model=self._facts().get("optimizer_model"), rate=self.learning_rate, seed=(self._seed, 3),
                step=self._step, total=len(self._data) if self._examples < len(self._data) else 0,
                exact=self._exact_now,
            ), rng, found,
        )  # fmt: skip
        if self._exact is True and drawn.inexact:
            found["exact"] = drawn.inexact
        # Progress that was measured goes before that of virtual steps.
        values |= progress
        if "gradient_norm2" in values:
            self._clipping = clipping(self._model, values["gradient_norm2"], self._clip)
        if stream is None:
            self._reading.learn(drawn)

    def _whole(self, weights: torch.Tensor | None) -> bool:
        """Whether the examples at hand are all, with the weights by which they are drawn."""
        weighted = self._data.weights is not None
        return self._able and (weights is not None or not weighted)

    def _at_hand(self, rng: np.random.Generator) -> tuple[Any, Any, torch.Tensor | None]:
        """x, y and weights of the examples for the loss and the Hessian: all of them, or as many as asked.

        Of weighted ones all are taken with their weights where the loss is a mean over examples; else so many
        are drawn, and the loss is theirs.
        """
        chosen = self._data.some(self._examples, rng)
        x, y = self._shown.take(chosen, rng)
        if len(chosen) < (self._batch or 1) and self._reading.trial(x, y).in_batches:
            chosen = self._data.some(self._batch or 1, rng)
            x, y = self._shown.take(chosen, rng)
        weights = self._data.weights
        if weights is None or self._examples < len(self._data):
            return x, y, None
        if not self._reading.weighable(x, y):
            return *self._shown.take(self._data.draw((len(self._data),), rng), rng), None
        return x, y, torch.from_numpy(weights[chosen])

    def _validation_loss(self) -> float | None:
        if self._validation is None:
            return None
        rows = self._validation.some(self._examples, probe_rng(self._seed, 1, 0))
        x, y = self._shown.read(self._validation, rows)
        return self._reading.held_out_loss(x, y, self._samples) if self._reading.finite() else math.nan

    def _as_run(self, probes: Sequence[dict[str, Any]], out: str | Path | None = None) -> xr.Dataset:
        return as_run(
            probes, self._attributes(), samples=self._samples, directions=self._directions,
            groups=tuple(self._groups), out=out, per_step=(self._batch or 1) / len(self._data),
        )  # fmt: skip

    def _facts(self) -> dict[str, Any]:
        known = self._optimizer is not None
        return optimizer_attributes(self._optimizer) if known else {"optimizer": "unknown"}

    def _attributes(self) -> dict[str, Any]:
        kind = self._facts()
        found = self._reading.attributes(self._optimizer)
        return {
            "name": "monitor", "seed": self._seed, "learning_rate": self.learning_rate,
            "dt": self.learning_rate, "batch_size": self._batch or 0, "probe_batch_size": self._batch or 0,
            "dataset_size": len(self._data), "curvature_examples": min(self._examples, len(self._data)),
            "last_batch": self._data.last_batch, **kind, **found,
            "clipping": self._clipping, "progress_method": "steps",
            **({"failures": dict(self._failures.reasons)} if self._failures.reasons else {}),
            **({"collated_together": True} if self._shown.collated_together else {}),
            **({"streamed": True} if self._reading.streams(self._samples) else {}),
            "sampling": self._data.sampling, "epoch_size": self._data.epoch_size,
        }  # fmt: skip

    def _made(self, values: dict[str, Any], validation: float | None, began: float) -> Measurement:
        rate, step = self.learning_rate, self._step
        measured, reasons = None, self._failures.reasons | self._outlets.reasons
        known = {f"{part}_failed" for part in reasons}
        if "signal" in values:
            measured = measure(self._as_run([values]))
        if "signal" in values or self._failures.reasons:
            known |= {flag for names in validity_flags(self._attributes()).values() for flag in names}
        else:
            known.add("loss_not_finite")
        flags = (*self._data.flags, *self._began, *sorted(known))
        return Measurement.of_probe(
            step, measured, self._samples, learning_rate=rate, time=self._time,
            epoch=step * (self._batch or 1) / len(self._data), batch_size=self._batch, loss=values["loss"],
            validation_loss=validation, flags=flags, reasons=reasons,
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
