"""Rules that judge trainings instead of steering them: early stopping and the choice of weight decay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from analysis.training_tools.gauge import price
from analysis.training_tools.problems import LOSS, Size, problem
from analysis.training_tools.trainer import Plan, Point, train
from sdesim.training import Measurement, PhaseEarlyStopping, choose_weight_decay

LABEL_NOISE = 0.15
WINDOW = 10
BATCH = 32
# Rates near the best constant ones.
RATE = {"digits": 0.5, "mnist1d": 0.15}
# Early stopping is watched for this many budgets, at as many times the probes.
LENGTH = 3
NEEDS = {
    "never": frozenset(),
    "patience": frozenset({"validation"}),
    "literal": frozenset({"literal"}),
    "corrected": frozenset({"validation", "gradient", "sharpness", "bend"}),
}


@dataclass(frozen=True)
class Judged:
    """What a rule chose on one seed.

    Attributes:
        test_loss, test_accuracy: of the weights at the stop, or of the chosen network.
        spent: gradients of single examples until then, what the rule measures included.
        choice: the step or the weight decay chosen. why: the criterion that fired, "" for none.
    """

    test_loss: float
    test_accuracy: float
    spent: float
    choice: float
    why: str = ""


class Patience:
    """Stop when none of the last `window` validation losses is the lowest so far."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.losses: list[float] = []

    def update(self, measurement: Measurement) -> str:
        """ "patience" to stop, else ""."""
        assert measurement.validation_loss is not None
        self.losses.append(measurement.validation_loss)
        lowest = self.losses.index(min(self.losses))
        return "patience" if len(self.losses) - 1 - lowest >= self.window else ""


def stopping(name: str, size: Size, label_noise: float) -> dict[str, tuple[Judged, ...]]:
    """Every rule on the same trainings; none of them changes what is trained."""
    data = problem(name, label_noise)
    everything = frozenset().union(*NEEDS.values())
    judged: dict[str, list[Judged]] = {rule: [] for rule in (*NEEDS, "patience, best weights", "best")}
    for seed in size.seeds:
        trace: list[Point] = []
        plan = Plan(RATE[name], parts=everything)
        probes = LENGTH * size.probes
        # The training is as long as without probes: only each rule's own measurements count.
        per_probe = price(everything, BATCH, len(data.x_valid))
        budget = LENGTH * size.budget + round(per_probe * probes)
        _, _, gauge = train(data, plan, seed, budget, round(probes * budget / (LENGTH * size.budget)), trace)
        for rule, needs in NEEDS.items():
            at, why = _stop(rule, gauge.history)
            cost = price(needs, BATCH, len(data.x_valid)) * (at + 1)
            point = trace[at]
            step, spent = gauge.history[at].step, point.gradients + cost
            judged[rule].append(Judged(point.test_loss, point.test_accuracy, spent, step, why))
            if rule == "patience":
                kept = min(range(at + 1), key=lambda k: gauge.history[k].validation_loss or 0.0)
                best = Judged(trace[kept].test_loss, trace[kept].test_accuracy, spent, step, why)
                judged["patience, best weights"].append(best)
        at = min(range(len(trace)), key=lambda k: trace[k].test_loss)
        best = trace[at]
        judged["best"].append(
            Judged(best.test_loss, best.test_accuracy, best.gradients, gauge.history[at].step)
        )
    return {rule: tuple(found) for rule, found in judged.items()}


def _stop(rule: str, history: list[Measurement]) -> tuple[int, str]:
    """Index of the measurement at which the rule stops, the last one if never, and its criterion."""
    if rule == "never":
        return len(history) - 1, ""
    update: Callable[[Measurement], str]
    if rule == "patience":
        update = Patience(WINDOW).update
    else:
        stopper = PhaseEarlyStopping(WINDOW, rule)

        def update(m: Measurement) -> str:
            return stopper.update(m).criterion

    for k, m in enumerate(history):
        if why := update(m):
            return k, why
    return len(history) - 1, ""


def weight_decay(name: str, size: Size) -> dict[str, tuple[Judged, ...]]:
    """The weight decay chosen by C and by the loss of held-out examples, among the same trained networks."""
    data = problem(name, LABEL_NOISE)
    rules = ("validation", "literal", "debiased")
    judged: dict[str, list[Judged]] = {rule: [] for rule in (*rules, "best")}
    for seed in size.seeds:
        trained: dict[float, nn.Module] = {}
        results: dict[float, Judged] = {}
        for decay in size.decays:
            out, trained[decay], _ = train(
                data, Plan(RATE[name], decay=decay), seed, size.budget, size.probes
            )
            results[decay] = Judged(out.test_loss, out.test_accuracy, out.spent * len(size.decays), decay)
        for rule in rules:
            choice = choose_weight_decay(
                trained.__getitem__, size.decays, (data.x_valid, data.y_valid), LOSS, method=rule,
                batch_size=BATCH, seed=seed,
            )  # fmt: skip
            judged[rule].append(results[choice.value])
        judged["best"].append(min(results.values(), key=lambda j: j.test_loss))
    return {rule: tuple(found) for rule, found in judged.items()}
