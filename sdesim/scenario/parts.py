"""Models of the parts of a simulated arm: surfaces, noises, events, schemes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sdesim.scenario.base import Count, NotNegative, Positive, Seed, Strict, Whole
from sdesim.scenario.data import Data
from sdesim.scenario.training import LossName, MlpNetwork

Vector = list[float]
Matrix = list[list[float]]


class FlatSurface(Strict):
    """No drift."""

    kind: Literal["flat"]
    dim: Count


class QuadraticSurface(Strict):
    """½ Σ λ_i (x_i − c_i)²."""

    kind: Literal["quadratic"]
    eigenvalues: float | Vector
    center: float | Vector = 0.0
    rotation: Matrix | None = None


class DoubleWellSurface(Strict):
    """barrier·(x² − 1)² + tilt·x."""

    kind: Literal["double-well"]
    dim: Count = 1
    barrier: Positive = 0.25
    tilt: float = 0.0


class FlatSharpSurface(Strict):
    """Two wells of equal depth and unequal curvature."""

    kind: Literal["flat-sharp"]
    flat_curvature: Positive
    sharp_curvature: Positive
    separation: Positive


class WellsSurface(Strict):
    """A chain of wells: minimum, maximum, …, minimum, and the loss there."""

    kind: Literal["wells"]
    points: Vector
    heights: Vector
    names: list[str] = []


class MlpSurface(Strict):
    """A network's loss on data, simulated without a real arm beside it."""

    kind: Literal["mlp"]
    data: Data
    network: MlpNetwork
    loss: LossName = "cross_entropy"


class RoughSurface(Strict):
    """A bowl with band-limited fractional roughness."""

    kind: Literal["rough"]
    dim: Count
    hurst: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed = 0
    amplitude: NotNegative = 0.1
    lowest: Positive = 0.5
    octaves: Annotated[Whole, Field(ge=1, le=40)] = 8
    per_octave: Count = 4
    curvature: NotNegative = 1.0


class RosenbrockSurface(Strict):
    """Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""

    kind: Literal["rosenbrock"]
    dim: Annotated[Whole, Field(ge=2)] = 2


class StyblinskiSurface(Strict):
    """½ Σ x_i⁴ − 16 x_i² + 5 x_i."""

    kind: Literal["styblinski"]
    dim: Count = 2


class ProductSurface(Strict):
    """½ (∏ θ_i − 1)²."""

    kind: Literal["product"]
    depth: Annotated[Whole, Field(ge=2)] = 2


class LeastSquaresSurface(Strict):
    """|Aθ − b|²/(2n) + ½ ridge |θ|²."""

    kind: Literal["least-squares"]
    A: Matrix
    b: Vector
    ridge: NotNegative = 0.0


class RandomFeaturesSurface(Strict):
    """Least squares on a fixed random layer; the target is +1 for the upper half of the classes, else −1."""

    kind: Literal["random-features"]
    features: Count
    data: Data
    activation: Literal["relu", "tanh"] = "relu"
    ridge: NotNegative = 0.0
    seed: Seed = 0


WholeSurface = Annotated[
    FlatSurface
    | QuadraticSurface
    | DoubleWellSurface
    | WellsSurface
    | FlatSharpSurface
    | RoughSurface
    | RosenbrockSurface
    | StyblinskiSurface
    | ProductSurface
    | LeastSquaresSurface
    | RandomFeaturesSurface
    | MlpSurface,
    Field(discriminator="kind"),
]


class MaskedSurface(Strict):
    """A surface of which only some coordinates are trained: those listed, or a random share `keep`."""

    kind: Literal["masked"]
    surface: WholeSurface
    keep: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Seed = 0
    coordinates: list[Annotated[Whole, Field(ge=0)]] | None = None
    values: float | Vector | None = None

    @model_validator(mode="after")
    def _one_of(self) -> MaskedSurface:
        if (self.keep is None) == (self.coordinates is None):
            raise ValueError("give exactly one of keep and coordinates")
        return self


Surface = Annotated[WholeSurface | MaskedSurface, Field(discriminator="kind")]


class GaussianNoise(Strict):
    """√(2D) dW; match "trace" takes D = (η/2) TrΣ/d from the real arm, mean over its probes.

    gradient_variance Σ₁, of one example's gradient, gives D = (η/2) Σ₁/B with the arm's η and batch_size B,
    by default 1.
    """

    kind: Literal["gaussian"]
    diffusion: float | Vector | Matrix | None = None
    factor: Matrix | None = None
    match: Literal["trace"] | None = None
    gradient_variance: NotNegative | None = None
    batch_size: Count | None = None

    @model_validator(mode="after")
    def _one_of(self) -> GaussianNoise:
        ways = ("diffusion", "factor", "match", "gradient_variance")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError("give exactly one of diffusion, factor, match and gradient_variance")
        if self.batch_size is not None and self.gradient_variance is None:
            raise ValueError("batch_size goes with gradient_variance")
        return self


class StableNoise(Strict):
    """α-stable increments; match "median" gives them over η the median length η √TrΣ of the real arm's."""

    kind: Literal["stable"]
    alpha: Annotated[float, Field(gt=0, le=2)]
    scale: float | Vector | None = None
    match: Literal["median"] | None = None
    skew: Annotated[float, Field(ge=-1, le=1)] = 0.0
    structure: Literal["independent", "isotropic"] = "independent"
    truncation: Positive | None = None
    rule: Literal["clip", "reject"] = "clip"
    tempering: Positive | None = None
    method: Literal["cms", "inversion"] = "cms"

    @model_validator(mode="after")
    def _one_of(self) -> StableNoise:
        if (self.scale is None) == (self.match is None):
            raise ValueError("give exactly one of scale and match")
        if self.match is not None and self.structure != "isotropic":
            raise ValueError("match needs structure: isotropic")
        if self.match is not None and self.tempering is not None:
            raise ValueError("match takes no tempering")
        return self


class MultiplicativeNoise(Strict):
    """scale · θ_i dW_i, Itô."""

    kind: Literal["multiplicative"]
    scale: float | Vector


class MinibatchNoise(Strict):
    """The sampling noise of minibatch gradients; batch size and η default to the real arm's."""

    kind: Literal["minibatch"]
    law: Literal["gaussian", "subsample"] = "gaussian"
    batch_size: Count | None = None
    learning_rate: Positive | None = None


Noise = Annotated[
    GaussianNoise | StableNoise | MultiplicativeNoise | MinibatchNoise, Field(discriminator="kind")
]


class ExitEvent(Strict):
    """First exit of a coordinate from [lower, upper]; a bound left out is none."""

    kind: Literal["exit"]
    lower: float | None = None
    upper: float | None = None
    coordinate: Annotated[Whole, Field(ge=0)] = 0
    stop: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> ExitEvent:
        if self.lower is None and self.upper is None:
            raise ValueError("give lower, upper or both")
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(f"lower must be below upper, found {self.lower:g} and {self.upper:g}")
        return self


class OccupancyEvent(Strict):
    """Share of time per well."""

    kind: Literal["occupancy"]


Event = Annotated[ExitEvent | OccupancyEvent, Field(discriminator="kind")]


class PlainScheme(Strict):
    """A scheme without parameters."""

    kind: Literal["euler-maruyama", "tamed-euler", "heun", "implicit-euler", "sra1", "milstein", "sgd"]


class BaoabScheme(Strict):
    """Underdamped Langevin dynamics."""

    kind: Literal["baoab"]
    friction: Positive = 1.0


class HeavyBallScheme(Strict):
    """SGD with momentum."""

    kind: Literal["heavy-ball"]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False


def _named(scheme: Any) -> Any:
    return {"kind": scheme} if isinstance(scheme, str) else scheme


Scheme = Annotated[
    PlainScheme | BaoabScheme | HeavyBallScheme, Field(discriminator="kind"), BeforeValidator(_named)
]
