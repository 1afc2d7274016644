"""What expectations speak of: a quantity of an arm at a moment, with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.engine import exit_statistics
from sdesim.errors import ScenarioError
from sdesim.estimators import tail_index
from sdesim.estimators.core.support import mean_interval, median_interval
from sdesim.runs.attributes import rows
from sdesim.runs.quantities import lookup, number, support_of
from sdesim.runs.quantity_row import WELL, WHOLE
from sdesim.runs.registered import measured_array, part_names
from sdesim.runs.saved import end_time
from sdesim.scenario.models import Expect
from sdesim.scenario.moments import MOMENT, OF_COMPARISONS, WHEN
from sdesim.support import ANYTHING, CORRELATION, POSITIVE, SHARE, Support

Array = NDArray[np.float64]
MEAN_INFINITE = "mean_infinite"
# Of stable laws, and of any law with a power-law tail.
_TAILS = {"theta_tail_index": "ecf", "theta_tail_exponent": "hill"}
_OWN_INTERVAL = "one trajectory, the estimator's own interval"


@dataclass(frozen=True)
class Finding:
    """A value, its interval (NaN ends: none), the number of trajectories, a remark, and what it can be."""

    value: float
    low: float
    high: float
    n: int
    note: str = ""
    support: Support = ANYTHING
    flags: tuple[str, ...] = ()

    @property
    def no_spread(self) -> bool:
        """Whether all trajectories sit on one end of what the quantity can be, so that no spread was seen."""
        return self.n > 1 and self.value in (self.support.low, self.support.high) and self.low == self.high


def over_trajectories(
    values: Array, support: Support = ANYTHING, level: float = 0.95, note: str = "", infinite: bool = False
) -> Finding:
    """Mean of (n,) with its interval within the support (`mean_interval`); NaN entries are left out.

    Where the variable has no mean (``infinite``) the median with its own interval, and the flag
    `mean_infinite`.
    """
    kept = values[np.isfinite(values)]
    n = len(kept)
    if n == 0:
        return Finding(math.nan, math.nan, math.nan, 0, "no trajectory has it")
    if infinite:
        median, low, high = (float(x) for x in median_interval(kept, level))
        words = [note, "median: the mean is infinite"]
        words += [f"{n} of {len(values)} trajectories have it"] if n < len(values) else []
        words += [] if math.isfinite(low) else ["too few trajectories for an interval"]
        return Finding(median, low, high, n, "; ".join(w for w in words if w), support, (MEAN_INFINITE,))
    mean, low, high = (float(x) for x in mean_interval(kept, support, level))
    if n < len(values):
        note = "; ".join(x for x in (note, f"{n} of {len(values)} trajectories have it") if x)
    if n == 1:
        return Finding(mean, math.nan, math.nan, 1, note or "one trajectory, no interval")
    found = Finding(mean, low, high, n, note, support)
    if not found.no_spread:
        return found
    return replace(
        found, note="; ".join(x for x in (note, "no trajectory leaves the end of what it can be") if x)
    )


def find(
    expect: Expect,
    run: xr.Dataset,
    measured: xr.Dataset | None,
    distances: Mapping[str, float],
    margins: Mapping[str, float] | None = None,
) -> Finding:
    """The quantity of one arm that an expectation speaks of.

    Args:
        expect: the expectation. run, measured: the arm.
        distances, margins: of its comparison with training, by quantity.

    Raises:
        ScenarioError: the run does not hold it.
    """
    name = expect.quantity
    if expect.over is not None:
        return _over(expect, expect.over, run, measured)
    if name.startswith("gain_rank."):
        return _gain_rank(run, measured, name.removeprefix("gain_rank."))
    made, _, of = name.partition(".")
    if made in OF_COMPARISONS:
        value = (distances if made == "twin_distance" else margins or {}).get(of, math.nan)
        return Finding(value, math.nan, math.nan, 1, "in units of the real seeds' spread")
    if name.partition(".")[0] in WHEN:
        return _when(expect, run, measured)
    row = number(name)
    if row is None and name in rows(run.attrs, "observables"):
        return over_trajectories(_at_step(run, name, expect.at), ANYTHING, infinite=has_no_mean(run, name))
    if row is None:
        raise ScenarioError(f"{name} is no quantity")
    if row.dims == WHOLE:
        return _of_whole_run(run, name)
    if row.dims == WELL:
        return over_trajectories(_named(run, row.name, "well", name), row.within)
    if row.words:
        return _fraction(measured, row.name, name)
    if row.stepped:
        return over_trajectories(_at_step(run, name, expect.at), row.within, infinite=has_no_mean(run, name))
    return at_probe(run, measured, name, expect.at)


def _of_whole_run(run: xr.Dataset, name: str) -> Finding:
    if name.startswith("exit_time."):
        return _exit(run, name)
    if name in _TAILS:
        return _tail(run, name)
    wanted = "loss" if name == "final_loss" else "test_accuracy"
    held = wanted if wanted in run else "train_accuracy"
    return over_trajectories(_at_step(run, held, "end"), support_of(held), infinite=has_no_mean(run, held))


def _fraction(measured: xr.Dataset | None, of: str, name: str) -> Finding:
    """Share of the decided probes of each trajectory that say a word."""
    if measured is None or of not in measured:
        raise ScenarioError(f"{name} needs probes of gradients and curvature")
    labels = measured[of].values
    known = labels != "undefined"
    count = known.sum(axis=1)
    hits = ((labels == name.partition(".")[2]) & known).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return over_trajectories(hits / np.where(count > 0, count, np.nan), SHARE)


def _named(run: xr.Dataset, variable: str, dim: str, name: str) -> Array:
    names = [str(w) for w in run[dim].values] if variable in run else []
    part = name.split(".", 1)[1]
    if part not in names:
        raise ScenarioError(f"{name}: the run knows {', '.join(names) or 'no ' + variable}")
    return np.asarray(run[variable].values[:, names.index(part)], dtype=np.float64)


def has_no_mean(run: xr.Dataset, name: str) -> bool:
    """Whether a variable of a run has no mean, as heavy-tailed noise leaves those that grow fast; or may have
    none, as an observable under such noise."""
    if name in rows(run.attrs, "observables"):
        return "levy_index" in run.attrs and not run.attrs.get("confined")
    return name in rows(run.attrs, "infinite_means")


def _tail(run: xr.Dataset, name: str) -> Finding:
    """Tail index of the last θ over trajectories, each coordinate scaled by itself."""
    if "theta" not in run:
        raise ScenarioError(f"{name} needs the saved theta")
    last = np.asarray(run["theta"][:, -1].values, dtype=np.float64)
    kept = last[np.isfinite(last).all(axis=1)]
    found = tail_index(kept, method=_TAILS[name])
    return Finding(found.value, found.low, found.high, len(kept), "; ".join(found.flags))


def _exit(run: xr.Dataset, name: str) -> Finding:
    """Mean or median of the first event's exit times, as `sdesim.exit_statistics` reads them."""
    if "exit_time" not in run:
        raise ScenarioError(f"{name} needs an exit event")
    found = getattr(exit_statistics(run), name.partition(".")[2])
    times = run["exit_time"].values[:, 0]
    censored, end = int(np.isnan(times).sum()), end_time(run)
    note = [f"{censored} of {len(times)} had not left by t={end:g}"] if censored else []
    return Finding(found.value, found.low, found.high, len(times), "; ".join([*note, *found.flags]))


def _when(expect: Expect, run: xr.Dataset, measured: xr.Dataset | None) -> Finding:
    """First saved step, or its time, at which a condition holds, counted from another's if asked for.

    What happens between two saved steps is seen at the later one: the interval reaches down to the earlier,
    for the other condition up. Where the first condition is never met, the last step counts and the mean is a
    lower bound; trajectories that never meet the other are left out.
    """
    kind, _, condition = expect.quantity.partition(".")
    first, before, last = _first(run, measured, condition, kind, expect.confirm)
    never = np.isnan(first)
    late, early = np.where(never, last, first), np.where(never, last, before)
    if expect.since is not None:
        other, earlier, _ = _first(run, measured, expect.since, kind)
        gap = float(np.nanmean(other - earlier)) if np.isfinite(other).any() else 0.0
        late, early = late - other, early - other
    else:
        gap = 0.0
    kept = np.isfinite(late)
    censored = int((never & kept).sum())
    note = f"not yet in {censored} of {int(kept.sum())} trajectories" if censored else ""
    # Counted from another condition it may come before that.
    support = ANYTHING if expect.since is not None else POSITIVE
    found = over_trajectories(late, support, note=note)
    if found.n == 0:
        return found
    low = found.value if math.isnan(found.low) else found.low
    high = found.value if math.isnan(found.high) else found.high
    low = max(support.low, low - float(np.mean((late - early)[kept])))
    if censored:
        return Finding(found.value, low, math.inf, found.n, f"a lower bound: {found.note}")
    note = found.note if found.n > 1 else "one trajectory, between two saved steps"
    return Finding(found.value, low, high + gap, found.n, note)


def _first(
    run: xr.Dataset, measured: xr.Dataset | None, condition: str, kind: str, confirm: int = 1
) -> tuple[Array, Array, float]:
    """Per trajectory the first step (or time) from which a condition holds `confirm` saved ones in a row and
    the saved one before it, NaN where it never does; and the last step.

    Raises:
        ScenarioError: the run holds no such variable.
    """
    match = MOMENT.match(condition)
    name = "" if match is None else match["name"]
    found_at_probes = measured_array(measured, name)
    stepped = name in run and "step" in run[name].dims
    if match is None or not (stepped or found_at_probes is not None):
        raise ScenarioError(f"found {condition!r}, allowed: a condition such as test_accuracy>0.95")
    values = np.asarray(run[name].values if found_at_probes is None else found_at_probes[0], dtype=np.float64)
    axis = ("" if found_at_probes is None else "probe_") + kind.removesuffix("_when")
    places = np.broadcast_to(np.asarray(run[axis].values, dtype=np.float64), values.shape)
    bound = float(match["bound"])
    hit = values > bound if match["sign"] == ">" else values < bound
    if confirm > 1:
        # Past the end nothing holds: what comes too late to be confirmed has not come.
        padded = np.pad(hit, ((0, 0), (0, confirm - 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, confirm, axis=1)
        hit = np.asarray(windows.all(axis=-1))
    rows, at = np.arange(len(values)), hit.argmax(axis=1)
    found = hit.any(axis=1)
    first = np.where(found, places[rows, at], np.nan)
    # Before the first saved step lies the start.
    before = np.where(at > 0, places[rows, np.maximum(at - 1, 0)], 0.0)
    return first, np.where(found, before, np.nan), float(places.max())


def _moments(run: xr.Dataset, at: str | int, steps: Array) -> NDArray[np.int64]:
    """Position along `steps` of the moment, per trajectory; −1 where it never comes."""
    count = run.sizes["trajectory"]
    if at == "start":
        return np.zeros(count, dtype=np.int64)
    if at == "end":
        return np.full(count, len(steps) - 1, dtype=np.int64)
    if isinstance(at, int):
        return np.full(count, int(np.abs(steps - at).argmin()), dtype=np.int64)
    match = MOMENT.match(at)
    if match is None or match["name"] not in run:
        raise ScenarioError(
            f"at: found {at!r}, allowed: start, end, a step, or a condition such as test_accuracy>0.95"
        )
    values = np.asarray(run[match["name"]].values, dtype=np.float64)
    hit = values > float(match["bound"]) if match["sign"] == ">" else values < float(match["bound"])
    first = np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
    when = np.asarray(run["step"].values)[first]
    place = np.searchsorted(steps, when)
    return np.where((first >= 0) & (place < len(steps)), place, -1)


def _gain_rank(run: xr.Dataset, measured: xr.Dataset | None, name: str) -> Finding:
    """Rank correlation over a run's probes of a quantity with the gain, the step regressed out of both.

    The gain is the share by which the test loss falls from the probe to the next saved step. Probes that were
    not saved, and the last, have none.

    Raises:
        ScenarioError: the run holds no such quantity, or no test loss.
    """
    probed = measured_array(measured, name)
    if probed is None or "test_loss" not in run:
        raise ScenarioError(f"gain_rank.{name} needs probes of {name} and a test loss")
    steps, probes = np.asarray(run["step"].values), np.asarray(run["probe_step"].values)
    place = np.searchsorted(steps, probes)
    timed = (steps[np.minimum(place, len(steps) - 1)] == probes) & (place + 1 < len(steps))
    place = place[timed]
    loss = np.asarray(run["test_loss"].values, dtype=np.float64)
    gain = 1 - loss[:, place + 1] / loss[:, place]
    values = probed[0][:, timed]
    found = np.array([_given_step(a, b) for a, b in zip(values, gain, strict=True)])
    return over_trajectories(found, CORRELATION)


def _given_step(a: Array, b: Array) -> float:
    """Partial rank correlation of (n,) and (n,) given their order in time; NaN below 5 pairs."""
    from scipy.stats import rankdata

    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 5:
        return math.nan
    ranks = [rankdata(v[known]) for v in (a, b, np.arange(len(a)))]
    with np.errstate(divide="ignore", invalid="ignore"):
        (_, ab, at), (_, _, bt), _ = np.corrcoef(ranks)
        return float((ab - at * bt) / np.sqrt((1 - at**2) * (1 - bt**2)))


def _at_step(run: xr.Dataset, name: str, at: str | int) -> Array:
    if name not in run:
        raise ScenarioError(f"the run holds no {name}")
    place = _moments(run, at, np.asarray(run["step"].values))
    values = np.asarray(run[name].values, dtype=np.float64)
    return np.where(place >= 0, values[np.arange(len(values)), place], np.nan)


def at_probe(run: xr.Dataset, measured: xr.Dataset | None, name: str, at: str | int) -> Finding:
    """A measured quantity at a moment: over trajectories, or one trajectory's own interval.

    Raises:
        ScenarioError: the run holds no such quantity.
    """
    (values, lows, highs), _ = _probed(run, measured, name, at)
    found = over_trajectories(values, support_of(name))
    if found.n != 1:
        return found
    k = int(np.flatnonzero(np.isfinite(values))[0])
    return Finding(found.value, float(lows[k]), float(highs[k]), 1, _OWN_INTERVAL)


def _probed(
    run: xr.Dataset, measured: xr.Dataset | None, name: str, at: str | int
) -> tuple[list[Array], NDArray[np.int64]]:
    """Value, low and high of each probed trajectory at a moment, NaN where it never comes, and the probe."""
    held = measured_array(measured, name)
    if held is None:
        raise ScenarioError(f"the run holds no {name}; {_what_it_lacks(measured, name)}")
    place = _moments(run, at, np.asarray(run["probe_step"].values))
    probed = int(run.attrs.get("probe_trajectories", len(place)))
    rows = np.arange(len(place))
    return [np.where(place >= 0, x[rows, place], np.nan)[:probed] for x in held], place


def _what_it_lacks(measured: xr.Dataset | None, name: str) -> str:
    row = lookup(name)
    if row is None:
        return "there is no such quantity"
    if measured is not None and row.name in measured:
        return f"it knows {', '.join(f'{row.name}.{part}' for part in part_names(measured, row.name))}"
    return "are there probes" + (f", with {' and '.join(row.needs)}?" if row.needs else "?")


def _over(expect: Expect, other: str, run: xr.Dataset, measured: xr.Dataset | None) -> Finding:
    """Mean over trajectories of a measured quantity over another, which must be positive to count.

    Raises:
        ScenarioError: the run holds no such quantity.
    """
    above, below = (_probed(run, measured, name, expect.at)[0][0] for name in (expect.quantity, other))
    shares = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    over = support_of(expect.quantity)
    positive = Support(max(over.low, 0.0), debiased=over.debiased)
    return over_trajectories(shares, positive if over.low >= 0 else ANYTHING)


def ratio(first: Finding, second: Finding) -> Finding:
    """first/second of positive quantities, with the hull of both intervals (conservative)."""
    if not (first.value > 0 and second.value > 0):
        return Finding(math.nan, math.nan, math.nan, min(first.n, second.n), "a ratio needs positive values")
    if second.low <= 0:
        low, high = (first.low / second.high if first.low >= 0 else -math.inf), math.inf
    else:
        low, high = first.low / (second.high if first.low >= 0 else second.low), first.high / second.low
    note = "; ".join(n for n in (first.note, second.note) if n)
    return Finding(first.value / second.value, low, high, min(first.n, second.n), note, POSITIVE)
