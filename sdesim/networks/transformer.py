"""Small transformers over tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le, Lt

from sdesim.kinds import Misfit, kind
from sdesim.kinds.misfit import Path
from sdesim.networks.base import Base, Shapes

if TYPE_CHECKING:
    from torch import nn


@kind("networks", "transformer")
@dataclass(frozen=True)
class Transformer(Base):
    """A transformer over tokens with learned positions, normalised before each layer.

    x ← x + attention(norm x), x ← x + mlp(norm x) in every layer, then a norm and a Linear head. Attention is
    made of plain products, so that it has second derivatives.

    Args:
        vocabulary: number of tokens.
        context: tokens in an example.
        outputs: numbers that the head gives; the vocabulary's for the next token.
        width: of the vectors, a multiple of the heads.
        heads: of each attention.
        layers: how many.
        factor: width of the mlp's hidden layer over the width.
        activation: of the mlps: tanh, relu, gelu or quadratic.
        normalisation: layer, or none.
        causal: whether a position sees none after it.
        head: last: outputs at the last position; every: at each.
        dropout: of embeddings, attention and what layers add, in a step of training.
        seed: of the initial weights: torch's, and N(0, 1/width) for the embeddings.

    Example:
        {kind: transformer, vocabulary: 11, context: 2, outputs: 11, width: 16, heads: 2}

    Source: Vaswani et al., arXiv 1706.03762; normalisation as in Xiong et al., arXiv 2002.04745.
    """

    vocabulary: Annotated[int, Ge(1)]
    context: Annotated[int, Ge(1)]
    outputs: Annotated[int, Ge(1)]
    width: Annotated[int, Ge(1)] = 32
    heads: Annotated[int, Ge(1)] = 2
    layers: Annotated[int, Ge(1), Le(10_000)] = 1
    factor: Annotated[int, Ge(1)] = 4
    activation: Literal["tanh", "relu", "gelu", "quadratic"] = "gelu"
    normalisation: Literal["layer", "none"] = "layer"
    causal: bool = True
    head: Literal["last", "every"] = "last"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise Misfit("width", f"found {self.width}, allowed: multiples of {self.heads}, the heads")

    @property
    def inputs(self) -> int:
        """Tokens in an example."""
        return self.context

    @property
    def inputs_at(self) -> Path:
        """Place of the context."""
        return ("context",)

    @property
    def outputs_at(self) -> Path:
        """Place of the outputs."""
        return ("outputs",)

    @property
    def input_tokens(self) -> int:
        """The vocabulary."""
        return self.vocabulary

    @property
    def output_positions(self) -> int | None:
        """The context, where every position gives outputs."""
        return self.context if self.head == "every" else None

    @property
    def positions_at(self) -> Path:
        """Place of the head."""
        return ("head",)

    @property
    def training_layers(self) -> tuple[str, ...]:
        """Dropout."""
        return ("Dropout",) if self.dropout else ()

    @property
    def label(self) -> str:
        """Sizes, as in "transformer of 2 layers, width 32, 2 heads"."""
        layers = f"{self.layers} layer{'s' if self.layers > 1 else ''}"
        heads = f"{self.heads} head{'s' if self.heads > 1 else ''}"
        return f"{'' if self.causal else 'two-way '}transformer of {layers}, width {self.width}, {heads}"

    @property
    def shapes(self) -> Shapes:
        """Embeddings of tokens and places, the layers, the head."""
        w, inner = self.width, self.factor * self.width
        norm = [(w,), (w,)] if self.normalisation == "layer" else []
        attention = [(3 * w, w), (3 * w,), (w, w), (w,)]
        layer = [*norm, *attention, *norm, (inner, w), (inner,), (w, inner), (w,)]
        head = [*norm, (self.outputs, w), (self.outputs,)]
        return ((self.vocabulary, w), (self.context, w), *layer * self.layers, *head)

    def make(self) -> nn.Module:
        """The module, in float64."""
        from sdesim.networks.modules.attention import Layer
        from sdesim.networks.modules.attention import Transformer as Module

        layers = [
            Layer(
                self.width, self.heads, self.causal, self.dropout, self.factor * self.width, self.activation,
                self.normalisation,
            )
            for _ in range(self.layers)
        ]  # fmt: skip
        return Module(
            self.vocabulary, self.context, layers, self.width, self.outputs, self.head == "every",
            self.dropout, self.normalisation,
        )  # fmt: skip
