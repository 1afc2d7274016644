"""One row of the table of quantities, and the words for what a quantity may need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdesim.support import Support

PHASES = ("exploration", "transition", "generalization")
# What each says of the loss where C is held against C*, and of C where it is held against 1: all that is
# measured. The theory's words stand beside it.
OF_THE_LOSS = ("loss rises per step", "undecided", "loss falls per step")
OF_C = ("C below 1", "undecided", "C above 1")
STEP = ("trajectory", "step")
PROBE = ("trajectory", "probe")
GROUP = ("trajectory", "probe", "group")
WELL = ("trajectory", "well")
WHOLE: tuple[str, ...] = ()
ANY, POSITIVE, SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0)
# What a quantity may need, and the variables of which a run then holds one. Scenarios are checked for the
# same before they run.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "gradient": ("signal",),
    "curvature": ("lambda_max",),
    "tangent": ("tangent_growth",),
    "loss": ("loss",),
    "norm": ("weight_norm",),
    "path": ("theta_projection", "theta"),
    "theta": ("theta",),
    "groups": ("group_signal",),
    "clients": ("update_norm2",),
    "optimizer": ("critical_sharpness",),
    "preconditioner": ("preconditioned_lambda_max",),
    "virtual steps": ("virtual_drop",),
    "progress": ("progress",),
    "precision": ("drawn_ratio",),
    "held-out gradients": ("gradient_agreement",),
    "training": ("learning_rate",),
    "labels": ("train_accuracy",),
    "test data": ("test_loss",),
    "exit event": ("exit_time",),
    "occupancy event": ("occupancy",),
}


@dataclass(frozen=True)
class Quantity:
    """One row of the table.

    Attributes:
        name: in runs, measurements, scenarios and summaries.
        meaning: one line for the docs and captions.
        label: on the axis of its figure; symbol: the same, short; title: in words, over a figure. Where one
            is empty, the one before it stands in, the name for the label.
        units: in terms of loss, parameter, learning rate and time; "1" if it has none.
        dims: of its values: over steps, over probes, with a last axis of named parts (``name.part``), or none
            where it is one number of the whole run.
        needs: keys of `NEEDS`, all of which the run must meet.
        threshold: where a figure draws a line.
        scaled: whether a figure may take a logarithmic axis.
        support: ends of what the quantity can be, in which its intervals stay (`within`).
        debiased: whether chance may carry measured values beyond the support, as those of a positive quantity
            below 0.
        literal: whether `measure` gives the source's own form as ``name_literal``.
        words: its values, where it is no number; ``name_fraction.word`` is the share of one of them.
        means: what each word says is measured, in the same order, for pages and figures; default the words.
        compared: whether `compare` takes it when none are named; ranked: whether `rank` does.
        monitored: whether a training monitor makes it.
        smoothed: whether it is a smoothed series, which ``measure(run, smooth=True)`` alone adds.
        figure: of the report that draws it; empty for numbers of the whole run that none draws.
        plain: what pages and sentences call it; default the title.
        heading: of the quantities that it stands with in a table.
        follows: the quantity that it is computed from, so that it tells nothing of its own beside that one.
        swept: moments ("mean", "end", "whole run") at which a sweep's page shows it.
        function: ``function(run, measured)`` -> value, or (value, low, high), each (trajectory, probe), or an
            array-valued estimate, or None where the run does not allow it. Without a function it is what
            `measure` makes by itself or the run holds.
    """

    name: str
    meaning: str = ""
    label: str = ""
    symbol: str = ""
    title: str = ""
    units: str = "1"
    dims: tuple[str, ...] = PROBE
    needs: tuple[str, ...] = ()
    threshold: float | None = None
    scaled: bool = True
    support: tuple[float, float] = ANY
    debiased: bool = False
    literal: bool = False
    words: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    compared: bool = False
    ranked: bool = False
    monitored: bool = False
    smoothed: bool = False
    figure: str = "further"
    plain: str = ""
    heading: str = "further"
    follows: str = ""
    swept: tuple[str, ...] = ()
    function: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)
        object.__setattr__(self, "symbol", self.symbol or self.label)
        object.__setattr__(self, "title", self.title or self.symbol)
        object.__setattr__(self, "plain", self.plain or self.title[:1].lower() + self.title[1:])

    @property
    def within(self) -> Support:
        """The support, which makes the intervals of means; of a quantity in words that of its shares."""
        return Support(*SHARE) if self.words else Support(*self.support, debiased=self.debiased)

    @property
    def probed(self) -> bool:
        """Whether it is a number at each probe."""
        return self.dims == PROBE and not self.words

    @property
    def stepped(self) -> bool:
        """Whether it is a number at each saved step."""
        return self.dims == STEP

    @property
    def parted(self) -> bool:
        """Whether it is named by its parts, ``name.part``."""
        return self.dims in (GROUP, WELL)

    @property
    def meanings(self) -> dict[str, str]:
        """What each of its words says is measured."""
        return dict(zip(self.words, self.means or self.words, strict=True))

    def met(self, held: Iterable[str]) -> bool:
        """Whether a run with these variables meets its needs."""
        known = set(held)
        return all(known.intersection(NEEDS[need]) for need in self.needs)
