"""Torch's schedules by their kinds: the very rates and momenta of torch, to the last bit."""

import inspect
import math
import warnings
from dataclasses import MISSING

import pytest

from sdesim.kinds import Misfit, kinds_of, read
from sdesim.kinds.fields import fields_by_name
from sdesim.kinds.registry import class_of
from sdesim.optimizers import SGD, Adagrad, Adam, Muon
from sdesim.optimizers import learning_rates as rates
from sdesim.optimizers.learning_rates import Base

torch = pytest.importorskip("torch")

T = torch.optim.lr_scheduler
STEPS = 40
# Recipe → torch's own of the same; rates are of a group at 0.3.
CASES = {
    "step-lr": (rates.StepLR(7, 0.3), lambda o: T.StepLR(o, 7, 0.3)),
    "multi-step-lr": (rates.MultiStepLR((5, 9, 9), 0.3), lambda o: T.MultiStepLR(o, [5, 9, 9], 0.3)),
    "constant-lr": (rates.ConstantLR(), lambda o: T.ConstantLR(o)),
    "constant-lr, other": (rates.ConstantLR(0.7, 11), lambda o: T.ConstantLR(o, 0.7, 11)),
    "linear-lr": (rates.LinearLR(), lambda o: T.LinearLR(o)),
    "linear-lr, other": (rates.LinearLR(0.9, 0.13, 17), lambda o: T.LinearLR(o, 0.9, 0.13, 17)),
    "exponential-lr": (rates.ExponentialLR(0.93), lambda o: T.ExponentialLR(o, 0.93)),
    "polynomial-lr": (rates.PolynomialLR(13, 1.7), lambda o: T.PolynomialLR(o, 13, 1.7)),
    "cosine-annealing-lr": (rates.CosineAnnealingLR(), lambda o: T.CosineAnnealingLR(o, STEPS)),
    "cosine-annealing-lr, again": (
        rates.CosineAnnealingLR(7, 0.01), lambda o: T.CosineAnnealingLR(o, 7, 0.01)
    ),
    "cosine-annealing-lr, at once": (
        rates.CosineAnnealingLR(1, 0.01), lambda o: T.CosineAnnealingLR(o, 1, 0.01)
    ),
    "cosine-annealing-warm-restarts": (
        rates.CosineAnnealingWarmRestarts(7), lambda o: T.CosineAnnealingWarmRestarts(o, 7)
    ),
    "cosine-annealing-warm-restarts, longer": (
        rates.CosineAnnealingWarmRestarts(3, 2, 0.02),
        lambda o: T.CosineAnnealingWarmRestarts(o, 3, 2, 0.02),
    ),
    "cyclic-lr": (
        rates.CyclicLR(0.9, step_size_up=7), lambda o: T.CyclicLR(o, 0.3, 0.9, 7)
    ),
    "cyclic-lr, halved": (
        rates.CyclicLR(0.9, 0.1, 5, 9, "triangular2", cycle_momentum=False),
        lambda o: T.CyclicLR(o, 0.1, 0.9, 5, 9, "triangular2", cycle_momentum=False),
    ),
    "cyclic-lr, by gamma": (
        rates.CyclicLR(0.9, 0.1, 5, 9, "exp_range", 0.97, base_momentum=0.5, max_momentum=0.7),
        lambda o: T.CyclicLR(
            o, 0.1, 0.9, 5, 9, "exp_range", 0.97, base_momentum=0.5, max_momentum=0.7
        ),
    ),
    "one-cycle-lr": (rates.OneCycleLR(), lambda o: T.OneCycleLR(o, 0.3, STEPS)),
    "one-cycle-lr, three phases": (
        rates.OneCycleLR(0.7, 50, 0.27, "linear", three_phase=True, div_factor=7, final_div_factor=3),
        lambda o: T.OneCycleLR(
            o, 0.7, 50, pct_start=0.27, anneal_strategy="linear", three_phase=True, div_factor=7.0,
            final_div_factor=3.0,
        ),
    ),
    "one-cycle-lr, without momentum": (
        rates.OneCycleLR(0.7, cycle_momentum=False, pct_start=0.0),
        lambda o: T.OneCycleLR(o, 0.7, STEPS, cycle_momentum=False, pct_start=0.0),
    ),
    "chained-scheduler": (
        rates.ChainedScheduler(
            (rates.LinearLR(0.2, total_iters=9), rates.ExponentialLR(0.97), rates.StepLR(11))
        ),
        lambda o: T.ChainedScheduler(
            [T.LinearLR(o, 0.2, total_iters=9), T.ExponentialLR(o, 0.97), T.StepLR(o, 11)]
        ),
    ),
}  # fmt: skip
# Every kind that may stand in a sequence, after a warm-up and before another.
PARTS = {
    name: case for name, case in CASES.items() if not name.startswith(("cyclic", "one-cycle", "chained"))
}


def torchs(make, steps=STEPS, lr=0.3, optimizer=None):
    """Rates and momenta of every step, and the rate after the last."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer = optimizer or torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.6)
        scheduler, found = make(optimizer), []
        for step in range(steps + 1):
            group = optimizer.param_groups[0]
            found.append((group["lr"], group["betas"][0] if "betas" in group else group["momentum"]))
            if step < steps:
                optimizer.step()
                scheduler.step()
    return [rate for rate, _ in found], [momentum for _, momentum in found]


@pytest.mark.parametrize("name", CASES)
def test_rates_are_those_of_torch_to_the_last_bit(name):
    recipe, make = CASES[name]
    expected, momenta = torchs(make)

    found = recipe.rates(STEPS, 0.3)

    assert found[:-1] == expected[:-1]
    assert [recipe.momentum(k, STEPS) or 0.6 for k in range(STEPS)] == momenta[:-1]
    assert recipe.moves_momentum == (len(set(momenta)) > 1)
    assert recipe.time(STEPS, 0.3) == math.fsum(expected[:-1])
    assert list(recipe.problems(STEPS)) == []
    # Shares are of a rate of 1.
    assert [recipe.rate(k, STEPS) for k in range(STEPS)] == recipe.rates(STEPS, 1.0)[:-1]
    assert recipe.total(STEPS) == recipe.time(STEPS, 1.0)


@pytest.mark.parametrize("name", CASES)
def test_its_scheduler_of_torch_makes_them(name):
    recipe = CASES[name][0]

    found, momenta = torchs(recipe.scheduler(STEPS))

    assert found == recipe.rates(STEPS, 0.3)
    assert momenta == [recipe.momentum(k, STEPS) or 0.6 for k in range(STEPS + 1)]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_a_sequence_begins_anew_as_torchs_does(name):
    recipe, make = PARTS[name]
    sequence = rates.SequentialLR((rates.LinearLR(0.1, total_iters=10), recipe, recipe), (10, 29))

    def torchs_own(o):
        return T.SequentialLR(o, [T.LinearLR(o, 0.1, total_iters=10), make(o), make(o)], [10, 29])

    if recipe == rates.CosineAnnealingLR():
        # Without T_max a part takes what it has, which differs here.
        sequence = rates.SequentialLR((rates.LinearLR(0.1, total_iters=10), recipe), (10,))

        def torchs_own(o):
            return T.SequentialLR(
                o, [T.LinearLR(o, 0.1, total_iters=10), T.CosineAnnealingLR(o, STEPS - 10)], [10]
            )

    assert sequence.rates(STEPS, 0.3) == torchs(torchs_own)[0]


def test_our_own_schedules_follow_a_warm_up_over_the_steps_that_are_left():
    cosine = rates.Cosine(0.1)
    sequence = rates.SequentialLR([rates.LinearLR(0.5, total_iters=4), cosine], [4])

    found = sequence.rates(STEPS, 0.3)

    assert found[:5] == pytest.approx([0.15, 0.1875, 0.225, 0.2625, 0.3])
    assert found[4:] == [0.3 * cosine.rate(k, STEPS - 4) for k in range(STEPS - 3)]


def test_a_plateau_is_torchs_own():
    recipe = rates.ReduceLROnPlateau(factor=0.5, patience=0, threshold=0.05)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)

    made = recipe.scheduler(STEPS)(optimizer)
    for loss in (1.0, 0.9, 0.88, 0.87):
        made.step(loss)

    assert type(made) is T.ReduceLROnPlateau
    # 0.88 is no better than 0.95 · 0.9, nor is 0.87.
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert recipe.follows_loss


KINDS = {name: cls for name, cls in kinds_of("learning_rates").items() if cls.torch_name}


def test_every_schedule_of_torch_is_a_kind_or_refused_with_a_reason():
    found = {
        name for name, cls in vars(T).items()
        if inspect.isclass(cls) and issubclass(cls, T.LRScheduler) and "LRScheduler" not in name
    }  # fmt: skip

    assert found == {cls.torch_name for cls in KINDS.values()} | {"LambdaLR", "MultiplicativeLR"}
    assert {name.split(",")[0] for name in CASES} == set(KINDS) - {"reduce-lr-on-plateau", "sequential-lr"}


@pytest.mark.parametrize("name", KINDS)
def test_fields_are_torchs_parameters_with_torchs_defaults(name):
    cls, fields = KINDS[name], fields_by_name(KINDS[name])
    found = inspect.signature(getattr(T, cls.torch_name)).parameters
    parameters = {n: p.default for n, p in found.items() if n != "optimizer" or n in cls.refused_fields}

    assert set(parameters) - set(fields) == set(cls.refused_fields) & set(parameters)
    assert set(fields) <= set(parameters)
    for field, described in fields.items():
        if parameters[field] is inspect.Parameter.empty:
            # Where there is none the training knows it.
            assert described.default in (MISSING, None), field
        else:
            assert described.default == parameters[field], field


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "LambdaLR"}, "kind: found 'LambdaLR', refused: its rate is a function, which no file"),
        ({"kind": "MultiplicativeLR"}, "kind: found 'MultiplicativeLR', refused: its factor is a function"),
        ({"kind": "chain"}, "kind: found 'chain', refused: give sequential-lr for one after another"),
        ({"kind": "cyclic-lr", "max_lr": 1, "scale_fn": "abs"}, "scale_fn: found 'abs', refused: it is a fu"),
        ({"kind": "one-cycle-lr", "epochs": 3}, "epochs: found 3, refused: give total_steps"),
        ({"kind": "step-lr", "step_size": 3, "last_epoch": 2}, "last_epoch: found 2, refused: a training"),
        (
            {"kind": "sequential-lr", "schedulers": ["cosine"], "milestones": [3]},
            "milestones: found 1, allowed: 0",
        ),
        (
            {"kind": "sequential-lr", "schedulers": ["cosine"] * 3, "milestones": [3, 3]},
            "milestones: found [3, 3], allowed: steps that grow",
        ),
        ({"kind": "chained-scheduler", "schedulers": ["cosin"]}, "schedulers[0]: found 'cosin', allowed: "),
    ],
)  # fmt: skip
def test_wrong_schedules_are_named_in_a_line(given, words):
    with pytest.raises(Misfit) as caught:
        read("learning_rates", given)

    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(cls.torch_name for cls in KINDS.values()))
def test_torchs_own_spelling_is_the_same_kind(name):
    kind = next(kind for kind, cls in KINDS.items() if cls.torch_name == name)

    assert class_of("learning_rates", name) is class_of("learning_rates", kind) is KINDS[kind]


@pytest.mark.parametrize(
    ("recipe", "path", "words"),
    [
        (rates.OneCycleLR(total_steps=30), ("total_steps",), "found 30, allowed: at least 40, the steps"),
        (rates.OneCycleLR(pct_start=0.025), ("pct_start",), "found 0.025, by which a phase has no step"),
        (
            rates.OneCycleLR(base_momentum=0.96),
            ("base_momentum",),
            "found 0.96, allowed: at most max_momentum",
        ),
        (rates.CyclicLR(1.0, base_momentum=0.96), ("base_momentum",), "found 0.96, allowed: at most max_mom"),
        (rates.SequentialLR(["cosine", "cosine"], [40]), ("milestones", 0), "found 40, allowed: below 40"),
        (
            rates.SequentialLR(["cosine", rates.Cosine(warmup=5)], [36]),
            ("schedulers", 1, "warmup"),
            "found 5, allowed: 0 to 3, fewer than the steps",
        ),
        (
            rates.ChainedScheduler([rates.LinearLR(), rates.OneCycleLR()]),
            ("schedulers", 1),
            "found one-cycle-lr, which has a course of its own: give it alone",
        ),
    ],
)
def test_what_does_not_fit_the_steps_is_named(recipe, path, words):
    (at, text), *others = recipe.problems(STEPS)

    assert (at, others) == (path, [])
    assert text.startswith(words)


def test_a_momentum_moves_only_where_there_is_one():
    cycle = rates.OneCycleLR()

    for optimizer in (SGD(0.1, momentum=0.5), Adam(0.1), Muon(0.1)):
        assert list(cycle.unfit(optimizer)) == []
    for optimizer in (SGD(0.1), Adagrad(0.1)):
        ((path, text),) = cycle.unfit(optimizer)
        assert path == ("cycle_momentum",)
        assert text.startswith(f"found true, allowed: false beside {optimizer.kind} without momentum")
        assert list(rates.OneCycleLR(cycle_momentum=False).unfit(optimizer)) == []


def test_what_no_schedule_says_is_said_by_the_base():
    assert (Base.moves_momentum, Base.follows_loss, Base.joins, Base().momentum(0, 1)) == (
        False, False, True, None
    )  # fmt: skip
