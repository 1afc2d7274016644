"""A scenario: named arms, simulated or trained, with what is probed, compared and expected.

Fields that hold a kind (a surface, a network, …) are read by the registry: nothing of a kind stands here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sdesim.engine.saved_times import steps_of, steps_to_save
from sdesim.kinds import Numbers, OneOf, Settings
from sdesim.kinds.fields import PathTo
from sdesim.scenario.base import Count, First, NotNegative, Positive, Seed, Steps, Strict, Trajectories
from sdesim.scenario.continuing import begin_of
from sdesim.scenario.moments import MOMENT, OF_OTHERS, WHEN
from sdesim.schedules import Coefficient, moves

Saveable = Literal["theta", "loss"]
Keepable = Literal["theta", "loss", "weight_norm", "theta_projection"]
Surface = Annotated[Any, OneOf("surfaces")]
SDE = Annotated[Any, OneOf("sdes")]
Noise = Annotated[Any, OneOf("noises")]
Scheme = Annotated[Any, OneOf("schemes")]
Event = Annotated[Any, OneOf("events")]
Wall = Annotated[Any, OneOf("walls")]
Observable = Annotated[Any, OneOf("observables")]
Reduction = Annotated[Any, OneOf("reductions")]
Data = Annotated[Any, OneOf("data")]
Network = Annotated[Any, OneOf("networks")]
Loss = Annotated[Any, OneOf("losses")]
Optimizer = Annotated[Any, OneOf("optimizers")]
Penalty = Annotated[Any, OneOf("penalties")]
Augmentation = Annotated[Any, OneOf("augmentations")]
Weighting = Annotated[Any, OneOf("weightings")]
LearningRate = Annotated[Any, OneOf("learning_rates")]
# A list and not an array, so that scenarios can be compared and written.
Rate = Annotated[Any, Coefficient(0), AfterValidator(lambda x: _positive(x))]
Point = Annotated[Any, Numbers(0, 1), AfterValidator(lambda x: x if isinstance(x, float) else x.tolist())]
# Files are called after scenarios and arms, with more behind; most systems take 255 bytes.
LONGEST_NAME = 200
DEFAULT_LOSS = "cross_entropy"
ProbeSettings = Annotated[Any, Settings("probes")]


def _as_list(value: Any) -> Any:
    """One for a list of it."""
    return value if isinstance(value, list) else [value]


def _or_one(one: Any) -> BeforeValidator:
    """One alone is taken for a list of it."""
    return BeforeValidator(_as_list, json_schema_input_type=one | list[one])


Saved = Annotated[list[Saveable], _or_one(Saveable)]
Kept = Annotated[list[Keepable], _or_one(Keepable)]
# Draws of a forecast where nobody says.
DRAWS = 64
Times = Annotated[list[float], _or_one(float)]
Noises = Annotated[list[Noise], _or_one(Noise)]
Events = Annotated[list[Event], _or_one(Event)]
Walls = Annotated[list[Wall], _or_one(Wall)]
Reductions = Annotated[list[Reduction], _or_one(Reduction)]
Penalties = Annotated[list[Penalty], _or_one(Penalty)]
Augmentations = Annotated[list[Augmentation], _or_one(Augmentation)]


def _power_of_two(k: int) -> int:
    if k & (k - 1):
        raise ValueError(f"found {k}, allowed: a power of two, so that all refinements of a run are one path")
    return k


def _positive(rate: Any) -> Any:
    if isinstance(rate, float) and not rate > 0:
        raise ValueError(f"found {rate:g}, allowed: numbers above 0, or a schedule")
    return rate


class Simulate(Strict):
    """A simulated arm. With `twin_of` the surface, start, η, dt, steps and trajectories default to the real
    arm's: dt = η, and as many steps as cover the same time.

    Attributes:
        surface: the loss L whose gradient drives the SDE; left out with twin_of.
        sde: an equation of its own in the place of a surface; it has no loss, nor what is made of one.
        twin_of: the real arm whose network, data and start are taken.
        at: of a twin the saved step of the real arm from which it goes on, a forecast of its first seed, with
            the optimizer's state rebuilt, as many steps as are left and 64 trajectories unless said.
        noise: the driving noises, one or several, added; none for gradient flow.
        scheme: how a step is made.
        form: of a momentum of the real arm: "underdamped" or "overdamped"; default the first.
        chunk: of a twin so many trajectories at once, for the memory that they take.
        dtype: of the state and the coefficients: float32 is twice as fast, for surfaces, schemes and noises
            that can.
        theta0: the starting point, a number or one for each coordinate; default the surface's own.
        dt: the time step.
        steps: how many steps.
        T: the time at which it ends, a multiple of dt, in the place of steps.
        trajectories: how many independent trajectories; default 1, or the real arm's.
        learning_rate: η, or its schedule, at which C, S, C* and the Lyapunov drift are read; default dt.
        save_every: steps between saved points; default about 1,000 points.
        save_at: times of the saved points, multiples of dt that increase, in the place of save_every.
        save: what is kept at saved points, one or several; "theta" keeps all coordinates, "loss" the norm
            too.
        observe: numbers made of the state at saved points, by the names of their variables.
        events: what is watched at every step, one or several.
        boundary: walls that reflect, absorb or wrap around, one or several.
        reduce: what is made of all trajectories together as they go, one or several, such as moments.
        continue_from: a run directory, or an <arm>.zarr, whose trajectories go on for steps more, with its
            time, seed and states; of a directory the run of the arm's own name. The other fields are as
            they were.
        first: the number of the first trajectory, of a part of a larger ensemble.
        refine: a power of two k: the path of the run with step dt, walked with dt/k.
        tolerance: the error of a step beyond which it is halved; none is without.
        smallest_dt: below which no step is halved; default dt/2²⁰.
    """

    surface: Surface | None = None
    sde: SDE | None = None
    twin_of: str | None = None
    at: Count | None = None
    noise: Noises = []
    scheme: Scheme = Field(default="auto", validate_default=True)
    form: Literal["underdamped", "overdamped"] | None = None
    chunk: Count | None = None
    dtype: Literal["float64", "float32"] = "float64"
    theta0: Point | None = None
    dt: Positive | None = None
    steps: Steps | None = None
    T: Positive | None = None
    trajectories: Trajectories | None = None
    learning_rate: Rate | None = None
    save_every: Count | None = None
    save_at: Times | None = None
    save: Kept = ["theta", "loss"]
    observe: dict[str, Observable] = {}
    events: Events = []
    boundary: Walls = []
    reduce: Reductions = []
    continue_from: Annotated[str, PathTo("a run directory or an <arm>.zarr", folder=True)] | None = None
    first: First = 0
    refine: Annotated[Count, Field(le=2**20), AfterValidator(_power_of_two)] = 1
    tolerance: Positive | None = None
    smallest_dt: Positive | None = None

    @property
    def equation(self) -> Any:
        """The surface, or the equation in its place; None of a twin."""
        return self.surface if self.sde is None else self.sde

    @model_validator(mode="after")
    def _complete(self) -> Simulate:
        if sum(given is not None for given in (self.surface, self.sde, self.twin_of)) != 1:
            raise ValueError("give exactly one of surface, sde and twin_of")
        if self.twin_of is not None and moves(self.learning_rate):
            raise ValueError("learning_rate: found a schedule, allowed: a number with twin_of")
        taken = self.continue_from is not None or self.first
        if taken and self.twin_of is not None:
            name = "first" if self.continue_from is None else "continue_from"
            raise ValueError(f"{name}: allowed without twin_of, which says where trajectories begin")
        if self.at is not None:
            self._goes_on()
        if self.refine > 1 and self.twin_of is not None:
            raise ValueError("refine: allowed without twin_of, whose dt is the learning rate")
        if self.tolerance is not None and (self.twin_of is not None or self.refine > 1):
            raise ValueError("tolerance: allowed without twin_of, whose dt is the learning rate, and refine")
        if self.twin_of is None:
            if self.form is not None or self.chunk is not None:
                raise ValueError(f"{'chunk' if self.form is None else 'form'}: allowed with twin_of")
            lacking = ["dt"] if self.dt is None else []
            lacking += ["steps, or T"] if self.steps is None and self.T is None else []
            if lacking:
                raise ValueError(f"missing {' and '.join(lacking)}")
            matched = [n.kind for n in self.noise if "trace" in n.needs]
            if matched:
                raise ValueError(f"noise with match needs twin_of, found {matched[0]}")
        return self

    def _goes_on(self) -> None:
        """Refuse what a forecast takes from the real arm."""
        if self.twin_of is None:
            raise ValueError("at: allowed with twin_of, whose training goes on from there")
        taken = {"dt": self.dt, "learning_rate": self.learning_rate, "theta0": self.theta0, "form": self.form}
        given = [name for name, value in taken.items() if value is not None]
        given += [] if self.scheme.chooses else ["scheme"]
        if given:
            raise ValueError(f"{given[0]}: allowed without at, by which it is the real arm's")


def _mixture(objectives: list[Any]) -> list[Any]:
    targets = [o.target for o in objectives]
    if len(set(targets)) < len(targets):
        raise ValueError(f"found {', '.join(targets)}, allowed: every target once")
    if not any(o.weight > 0 for o in objectives):
        raise ValueError("at least one weight must be above 0")
    return objectives


Objectives = Annotated[
    list[Annotated[Any, Settings("objective")]], Field(min_length=1), AfterValidator(_mixture)
]


class Train(Strict):
    """A real arm: a network that is trained on data.

    Attributes:
        data: the examples.
        network: what is trained.
        optimizer: with its learning rate and batch size.
        steps: how many optimizer steps.
        schedule: the learning rate over the steps.
        loss: of a batch.
        penalty: on the weights, one or several, added to the loss.
        objectives: several losses on the same outputs, mixed, in the place of loss.
        prune: which weights are taken away before the training that is recorded.
        clients: federated averaging: each step is a round of so many clients.
        clip: gradients cut down before each step, to a norm or number by number.
        trajectories: how many seeds are trained.
        init: "module": every trajectory starts from the same weights; "fresh": each from its own.
        start_from: the real arm where whose trajectories end these begin.
        sampling: how batches are drawn: "epoch" reshuffles, "with-replacement" draws independently,
            "sequential" takes the examples in turn.
        weights: with which weight each example is drawn, by its label: "balanced" so that all classes count
            alike, "classes" by weights of their own.
        augment: random changes of the inputs, one or several after one another, drawn anew for each batch.
        amplify: l: l short steps and l times the noise stand for each; of sgd, adam, adamw and rmsprop.
        save_every: steps between saved points; default about 1,000 points.
        save: what is kept at saved points; "theta" keeps all weights.
    """

    data: Data
    network: Network
    optimizer: Optimizer
    steps: Steps
    schedule: LearningRate = Field(default="constant", validate_default=True)
    loss: Loss = Field(default=DEFAULT_LOSS, validate_default=True)
    penalty: Penalties | None = None
    objectives: Objectives | None = None
    prune: Annotated[Any, Settings("prune")] | None = None
    clients: Annotated[Any, Settings("clients")] | None = None
    clip: Annotated[Any, Settings("clip")] | None = None
    trajectories: Trajectories = 1
    init: Literal["module", "fresh"] = "module"
    start_from: str | None = None
    sampling: Literal["epoch", "with-replacement", "sequential"] = "epoch"
    weights: Weighting | None = None
    augment: Augmentations = []
    amplify: Count = 1
    save_every: Count | None = None
    save: Saved = ["theta", "loss"]

    @property
    def attributes(self) -> dict[str, Any]:
        """What the run will say of itself, as far as it decides whether it can have a twin."""
        modes = self.network.training_layers
        return {
            **({"modes": modes} if modes else {}),
            "clients": 0 if self.clients is None else self.clients.count,
            "sampling": self.sampling if self.weights is None else "weighted",
            "batch_size": self.optimizer.batch_size,
            "follows_loss": self.schedule.follows_loss,
            # How often each example is read is known once it is.
            **({"readings": None} if self.augment else {}),
            "maximize": self.optimizer.maximize or any(g.get("maximize") for g in self.optimizer.groups),
        }

    @property
    def dim(self) -> int:
        """Number of coordinates that are trained; of a pruned network the same for any seed."""
        if self.prune is None:
            return int(self.network.dim)
        return int(self.prune.dim(self.network))

    @property
    def time(self) -> float:
        """Σ learning rate over the steps."""
        if self.clients is not None:
            return float(self.optimizer.lr * self.clients.local_steps * self.steps)
        return float(self.schedule.time(self.steps, self.optimizer.lr))


class Arm(Strict):
    """Either a simulated or a real arm; its own probes, if given, stand for the scenario's.

    Attributes:
        simulate: the SDE, walked by a scheme.
        train: a network, trained for real.
        probes: when and how this arm's gradients and curvature are measured.
    """

    simulate: Simulate | None = None
    train: Train | None = None
    probes: ProbeSettings | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Arm:
        if (self.simulate is None) == (self.train is None):
            raise ValueError("an arm has exactly one of simulate and train")
        return self


class Compare(Strict):
    """Which real arm the simulated ones are held against, and in which quantities.

    Attributes:
        reference: the real arm; default the one that an arm is the twin of, or the only one.
        quantities: names of measured quantities, loss, test_loss, test_accuracy, phase; default all.
        margin: within which distance from training arms are called equal, in spreads of its seeds; default 1.
    """

    reference: str | None = None
    quantities: list[str] | None = None
    margin: Positive | None = None


class Expect(Strict):
    """An expectation on one quantity of an arm at a moment; with `over`, on its ratio to another quantity in
    each trajectory; with `than`, on its ratio to another arm's.

    `step_when.test_accuracy>0.95` is the first saved step at which that holds; with `since` another
    condition, the steps from that one on; with `confirm` it is the first of so many saved steps in a row.

    Attributes:
        arm: whose quantity.
        quantity: a measured quantity, or such as final_loss, occupancy.WELL, exit_time.mean.
        at: end, start, a step, or a condition such as test_accuracy>0.95.
        over: another quantity; the ratio to it in each trajectory is judged.
        than: another arm; the ratio to its value is judged.
        since: another condition, from which steps are counted.
        confirm: how many saved steps in a row must hold.
        above: the value must lie above this.
        below: the value must lie below this.
        between: the value must lie in [low, high].
        near: the value must lie within the tolerance of this.
        tolerance: how far from near.
        why: the reason, for readers.
    """

    arm: str
    quantity: str
    at: str | int = "end"
    over: str | None = None
    than: str | None = None
    since: str | None = None
    confirm: Count = 1
    above: float | None = None
    below: float | None = None
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    near: float | None = None
    tolerance: NotNegative | None = None
    why: str = ""

    @model_validator(mode="after")
    def _one_condition(self) -> Expect:
        given = [c for c in ("above", "below", "between", "near") if getattr(self, c) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of above, below, between and near")
        if (self.near is None) != (self.tolerance is None):
            raise ValueError("near and tolerance go together")
        if self.between is not None and not self.between[0] <= self.between[1]:
            raise ValueError("between needs [low, high] in this order")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval that is asked for."""
        if self.between is not None:
            return self.between[0], self.between[1]
        if self.near is not None and self.tolerance is not None:
            return self.near - self.tolerance, self.near + self.tolerance
        low = float("-inf") if self.above is None else self.above
        return low, float("inf") if self.below is None else self.below

    @property
    def names(self) -> tuple[str, ...]:
        """Quantities that it rests on, of conditions those that they are of."""
        prefix, _, rest = self.quantity.partition(".")
        if prefix in WHEN:
            found = (MOMENT.match(text or "") for text in (rest, self.since))
            return tuple(match["name"] for match in found if match is not None)
        first = rest if prefix in OF_OTHERS else self.quantity
        return (first,) if self.over is None else (first, self.over)

    @property
    def condition(self) -> str:
        """In words: "above 0.6"."""
        if self.between is not None:
            return f"between {self.between[0]:g} and {self.between[1]:g}"
        if self.near is not None:
            return f"near {self.near:g} ± {self.tolerance:g}"
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


class AskedFit(Strict):
    """A law to be fitted along an axis of the sweep, for each arm and place on the other axes.

    Attributes:
        law: power-law, arrhenius or exponential, or one of one's own.
        quantity: as in the sweep's table.
        axis: label of an axis; default every axis of numbers.
        arm: default every arm that holds the quantity.
        at: moment; default the first of "whole run", "end" and "mean" that holds it.
    """

    law: Annotated[Any, OneOf("laws")]
    quantity: str = "exit_time.mean"
    axis: str | None = None
    arm: str | None = None
    at: Literal["whole run", "end", "mean"] | None = None


class Scenario(Strict):
    """A scenario file.

    Attributes:
        name: what its runs are called.
        description: what it shows, for readers.
        seed: with the scenario it decides every number.
        arms: simulated and real arms by name.
        probes: when and how gradients and curvature are measured, in every arm without its own.
        compare: what simulated arms are compared with.
        expect: what must come out.
        quick: overrides of a small run, such as {"arms.sde.simulate.steps": 100}.
        sweep: the axes of a sweep, such as {"arms.sde.simulate.noise[0].alpha": [1.5, 2.0]}.
        fits: laws along the axes of the sweep; default the power law of mean exit times, [] for none.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=LONGEST_NAME)]
    description: str = ""
    seed: Seed = 0
    arms: Annotated[dict[str, Arm], Field(min_length=1)]
    probes: ProbeSettings | None = None
    compare: Compare | None = None
    expect: list[Expect] = []
    quick: dict[str, Any] = {}
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    fits: list[AskedFit] | None = None

    @property
    def real(self) -> list[str]:
        """Names of the real arms."""
        return [name for name, arm in self.arms.items() if arm.train is not None]

    @property
    def named(self) -> tuple[str, ...]:
        """Quantities that are compared or expected by name."""
        compared = () if self.compare is None else self.compare.quantities or ()
        return (*compared, *(name for e in self.expect for name in e.names))

    def reference(self, arm: str) -> str | None:
        """The real arm that a simulated one is compared with: the one named, its own, or the only one; none
        of a forecast, whose draws are futures of one seed and not seeds."""
        simulate = self.arms[arm].simulate
        if simulate is None or simulate.at is not None:
            return None
        if self.compare is not None and self.compare.reference is not None:
            return self.compare.reference
        if simulate.twin_of is not None:
            return simulate.twin_of
        return self.real[0] if len(self.real) == 1 else None

    def steps(self, arm: str) -> int:
        """Steps of an arm; a twin without a number of its own takes as many as cover the real arm's time."""
        simulate, train = self.arms[arm].simulate, self.arms[arm].train
        if train is not None:
            return train.steps
        assert simulate is not None
        if simulate.steps is not None or simulate.T is not None:
            return steps_of(self.dt(simulate), simulate.steps, simulate.T, begin_of(simulate, arm))
        real = self.arms[str(simulate.twin_of)].train
        assert real is not None
        if simulate.at is not None:
            return max(1, real.steps - simulate.at)
        if simulate.scheme.chooses and simulate.learning_rate is None:
            # Steps of the real arm's own optimizer.
            return int(real.steps * max(1, round(real.optimizer.lr / self.dt(simulate))))
        return max(1, round(real.time / self.dt(simulate)))

    def dt(self, simulate: Simulate) -> float:
        """The time step of a simulated arm, that of a twin η where it has none of its own."""
        if simulate.dt is not None:
            return simulate.dt
        real = self.arms[str(simulate.twin_of)].train
        assert real is not None
        return float(simulate.learning_rate or real.optimizer.lr)

    def asked_steps(self, arm: str) -> list[int] | None:
        """Saved step numbers of an arm that says at which times; None of one that says none."""
        simulate = self.arms[arm].simulate
        if simulate is None or simulate.save_at is None:
            return None
        found = steps_to_save(self.dt(simulate), 0, None, simulate.save_at)
        return [int(step) for step in found]
