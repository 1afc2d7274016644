"""The twin of a recorded run: the SDE that should imitate it, under one noise model after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.engine import simulate
from sdesim.errors import RunError
from sdesim.noise import Gaussian, Minibatch, Noise, Stable
from sdesim.training.loop.svag import amplified_noise, check_factor
from sdesim.training.twinning.noise_fit import NoiseFit, fit_noise, longest_deviation
from sdesim.training.twinning.original import Original, original

Array = NDArray[np.float64]
TWIN_NOISES = ("none", "minibatch", "isotropic", "stable", "stable-truncated", "subsample")
"""Noise models of `twin`; "subsample" at dt = η is SGD itself."""

_FITTED = ("isotropic", "stable", "stable-truncated")
_SHIFT = 0x7A11


def twin(
    run: xr.Dataset,
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any = None,
    noise: str = "minibatch",
    *,
    dt: float | None = None,
    trajectories: int | None = None,
    seed: int | None = None,
    fit: NoiseFit | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = True,
    name: str = "",
) -> xr.Dataset:
    """Simulate the SDE that should imitate a recorded run.

    The drift is the network's own full-batch gradient; start, η, duration, saved points and probes are the
    run's. Noise models:

    - "none": no noise, at dt = η gradient descent, for dt → 0 gradient flow;
    - "minibatch": Gaussian with the full covariance (η/2)Σ(θ) of the minibatch gradient at every θ;
    - "isotropic": Gaussian, D = (η/2)(Tr Σ/d) I with the recorded mean trace;
    - "stable": isotropic α-stable, index and scale fitted to the recorded gradients (`fit_noise`);
    - "stable-truncated": the same, no step longer than the longest of the minibatch noise,
      √(η dt) max_i |∇ℓ_i − ∇L|;
    - "subsample": −√(η dt)(g_B − ∇L) by drawing minibatches with replacement; at dt = η SGD itself.

    The fitted models have one level of noise throughout, the mean over the run, though that of training
    falls as the loss does; the minibatch models follow it. With momentum β in the recorded optimizer the
    scheme is heavy ball at dt = η.

    Args:
        run: a real run of `torch.optim.SGD` at one learning rate, without weight decay.
        module, loss_fn, train, test: what it was recorded with. Plain Linear/activation networks are
            compiled (`surfaces.MLP`), others go through `surfaces.TorchSurface`.
        noise: the noise model.
        dt: time step, η divided by a whole number; default η.
        trajectories: default as many as the run has; more only where all of them began at one point.
        seed: default one that depends on the run's seed and the noise model.
        fit: of the run's noise, so that it need not be made again.
        threads, progress, name: as in `simulate`.

    Returns:
        The Run, with time = step·dt so that it compares with the recorded one at equal Σ η. Attributes
        `twin_noise`, and as far as the noise has them `twin_alpha`, `twin_scale`, `twin_truncation`,
        `twin_trace`; `batch_size` is that of the run imitated.

    Raises:
        RunError: the run can't have such a twin; Adam and other optimizers are refused.
    """
    if noise not in TWIN_NOISES:
        raise RunError(f"noise must be one of {', '.join(TWIN_NOISES)}, got {noise!r}")
    model = original(run, module, loss_fn, train, test)
    stretch = _stretch(model, dt)
    noises, facts = _noises(model, noise, model.learning_rate / stretch, fit)
    return _simulated(
        model, noises, stretch, facts, trajectories, _seed(run, noise, seed), threads, progress, name or noise
    )


def twins(
    run: xr.Dataset,
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any = None,
    noises: Sequence[str] = TWIN_NOISES,
    **settings: Any,
) -> dict[str, xr.Dataset]:
    """The twins of a run under several noise models, by name; settings as in `twin`.

    Raises:
        RunError: as `twin`.
    """
    if settings.get("fit") is None and any(n in _FITTED for n in noises):
        settings["fit"] = fit_noise(run)
    return {n: twin(run, module, loss_fn, train, test, n, **settings) for n in noises}


def svag(
    run: xr.Dataset,
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any = None,
    factors: Sequence[int] = (1, 2, 4),
    *,
    trajectories: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = True,
) -> dict[int, xr.Dataset]:
    """SGD with amplified noise and a shorter step, by factor l: l = 1 is SGD, l → ∞ its SDE.

    θ ← θ − (η/l) [(1+s)/2 ∇L_B + (1−s)/2 ∇L_B′], s = √(2l−1), with independent minibatches B and B′: the
    covariance is l times as large and l times as many steps are made, so the SDE stays the same.

    Args:
        run, module, loss_fn, train, test, trajectories, seed, threads, progress: as in `twin`.
        factors: l, whole numbers from 1.

    Raises:
        RunError: as `twin`; the run has momentum or no minibatches; a factor is not a whole number.

    Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470, section 4.
    """
    for factor in factors:
        check_factor(factor, "factors must be whole numbers")
    model = original(run, module, loss_fn, train, test)
    _needs_batches(model, "noise amplification")
    if model.scheme != "euler-maruyama":
        raise RunError("noise amplification is defined for SGD without momentum")
    found = {}
    for factor in factors:
        noises = amplified_noise(model.surface, model.batch_size, model.learning_rate, factor)
        facts = {"twin_noise": "svag", "svag_factor": int(factor)}
        found[int(factor)] = _simulated(
            model, noises, int(factor), facts, trajectories, _seed(run, f"svag{factor}", seed), threads,
            progress, f"svag l={factor}",
        )  # fmt: skip
    return found


def _stretch(model: Original, dt: float | None) -> int:
    """Steps of the twin in one of the run's."""
    if dt is None:
        return 1
    ratio = model.learning_rate / dt if dt > 0 else 0.0
    stretch = round(ratio)
    if stretch < 1 or abs(ratio - stretch) > 1e-9 * ratio:
        raise RunError(f"dt must be the learning rate {model.learning_rate:g} over a whole number, got {dt}")
    if stretch > 1 and model.scheme != "euler-maruyama":
        raise RunError(
            f"dt must be the learning rate {model.learning_rate:g} for a run with momentum, got {dt:g}: a "
            "shorter step of heavy ball forgets sooner"
        )
    return stretch


def _noises(
    model: Original, noise: str, dt: float, fit: NoiseFit | None
) -> tuple[list[Noise], dict[str, Any]]:
    """The driving noises of a model and what the run's attributes say of them."""
    eta = model.learning_rate
    facts: dict[str, Any] = {"twin_noise": noise}
    if noise == "none":
        return [], facts
    _needs_batches(model, f"noise {noise!r}")
    if noise in ("minibatch", "subsample"):
        law = "gaussian" if noise == "minibatch" else "subsample"
        return [Minibatch(model.surface, model.batch_size, eta, law)], facts
    fit = fit or fit_noise(model.run)
    if noise == "isotropic":
        return [Gaussian(diffusion=0.5 * eta * fit.trace / model.surface.dim)], facts | {
            "twin_trace": fit.trace
        }
    facts |= {"twin_alpha": fit.index, "twin_scale": fit.scale}
    limit = None
    if noise == "stable-truncated":
        limit = float(np.sqrt(eta * dt)) * longest_deviation(model.run, model.surface)
        facts["twin_truncation"] = limit
    return [Stable(fit.index, fit.scale, structure="isotropic", truncation=limit)], facts


def _needs_batches(model: Original, what: str) -> None:
    if not model.batch_size:
        raise RunError(f"{what} needs minibatches: the run was trained on the full batch, without noise")
    if not model.surface.kernel().examples:
        raise RunError(f"{what} needs a loss that is the mean of the examples' losses")


def _seed(run: xr.Dataset, label: str, seed: int | None) -> int:
    """The seed given, or one for this noise model that is not the run's own."""
    if seed is not None:
        return seed
    words = [int(run.attrs.get("seed", 0)), _SHIFT, *label.encode()]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _simulated(
    model: Original, noises: Sequence[Noise], stretch: int, facts: dict[str, Any], trajectories: int | None,
    seed: int, threads: int | None, progress: bool | Callable[[int, int], None], name: str,
) -> xr.Dataset:  # fmt: skip
    saved = np.asarray(model.run["step"].values)
    starts, count = model.starts, trajectories or len(model.starts)
    if count < 1:
        raise RunError(f"trajectories must be at least 1, got {trajectories}")
    if count > len(starts):
        if np.any(starts != starts[0]):
            raise RunError(
                f"trajectories must be at most {len(starts)}, got {count}: the run's starts differ"
            )
        starts = np.repeat(starts[:1], count, axis=0)
    found = simulate(
        model.surface,
        noises,
        starts[:count],
        dt=model.learning_rate / stretch,
        steps=model.steps * stretch,
        trajectories=count,
        seed=seed,
        learning_rate=model.learning_rate,
        scheme=model.scheme,
        # The last gap between saved steps may be short.
        save_every=int(np.diff(saved).max()) * stretch,
        save=("theta", "loss") if "theta" in model.run else ("loss",),
        threads=threads,
        probes=model.probes(stretch),
        progress=progress,
        name=name,
        evaluate=model.evaluation,
    )
    batch = {"batch_size": model.batch_size, "probe_batch_size": model.run.attrs.get("probe_batch_size", 0)}
    return found.assign_attrs(**facts, **batch)
