"""Norms of the examples' shares of a gradient, from the backward pass that the training makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.probes.example_norms import refuse_meeting
from sdesim.training.probes.layer_shares import AGREED, LayerShares, known_layer
from sdesim.training.watching.aside import is_aside
from sdesim.training.watching.calls import Batch
from sdesim.training.watching.module_hook import ModuleHook
from sdesim.training.watching.sums import fetched, stacked

_HALF = (torch.float16, torch.bfloat16)


class ExampleShares:
    """Takes inputs and output gradients of the layers, of one batch: `example_norms` without a pass.

    A layer that is used once is worked out when its gradient arrives, and nothing of it is kept. Hooks are
    attached from `open` to `close`.

    Args:
        model: whose layers are read. parameters: that are trained. guard: what runs a hook's work.
        batch: gives the batch at work.

    Raises:
        RunError: a trained parameter of a layer whose shares are not known.
    """

    def __init__(
        self, model: nn.Module, parameters: Sequence[nn.Parameter],
        guard: Callable[[Callable[[], None]], None], batch: Callable[[], Batch | None],
    ) -> None:  # fmt: skip
        refuse_unknown(model, parameters)
        self._model = model
        self._parameters = {id(p): p for p in parameters if p.requires_grad}
        self._names = {id(p): name for name, p in model.named_parameters()}
        self._guard, self._batch = guard, batch
        parts = [
            part
            for part in model.modules()
            if any(id(p) in self._parameters for p in part.parameters(recurse=False)) and known_layer(part)
        ]
        self._holders = Counter(id(p) for part in parts for p in part.parameters(recurse=False))
        self._parts = parts
        self._handles: list[Any] = []
        self._begin()

    def _begin(self) -> None:
        self._uses: Counter[int] = Counter()
        # By backward passes, as autograd counts them: layers may be called in others too.
        self._shares: dict[int, LayerShares] = {}
        self._met: set[int] = set()
        # Gradients of the outputs of embeddings: those of each example, and sums over examples of the others,
        # which were added to every example's.
        self._each: list[Tensor] = []
        self._summed: list[tuple[nn.Module, Tensor, Tensor, bool]] = []
        self._rounding = 0.0

    def open(self) -> None:
        """Attach hooks for a step.

        Raises:
            RunError: examples meet.
        """
        refuse_meeting(self._model)
        self._handles = [part.register_forward_hook(ModuleHook(self._note)) for part in self._parts]

    def close(self) -> None:
        """Detach everything, and let go."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._begin()

    def _note(self, part: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if is_aside():
            return
        # What checkpointing calls again in the backward pass is no other use.
        self._uses[id(part)] += torch._C._current_graph_task_id() == -1
        if torch.is_grad_enabled():
            self._guard(lambda: self._noted(part, given, output))

    def _noted(self, part: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor):
            raise RunError(f"a {type(part).__name__} gives {type(output).__name__} for a tensor")
        if not output.requires_grad:
            return
        if not given:
            raise RunError(f"a {type(part).__name__} is called by keywords")
        held = [given[0].detach()]

        def hook(delta: Tensor | None) -> None:
            if held and delta is not None and not is_aside():
                self._guard(lambda: self._arrived(part, held.pop(), delta.detach()))

        output.register_hook(hook)  # type: ignore[no-untyped-call]

    def _arrived(self, part: nn.Module, a: Tensor, delta: Tensor) -> None:
        batch = self._batch()
        if batch is None or batch.size is None or batch.size < 2:
            return
        own = list(part.parameters(recurse=False))
        alone = self._uses[id(part)] == 1 and all(self._holders[id(p)] == 1 for p in own)
        self._rounding = max(self._rounding, *(_rounding(x) for x in (a, delta, *own)))
        a, delta = (_single(x if batch.axis_of(x) != 1 else x.transpose(0, 1)) for x in (a, delta))
        if isinstance(part, nn.Embedding):
            if len(delta) == 1:
                self._summed.append((part, a, delta, alone))
                return
            self._each.append(delta)
        self._of(torch._C._current_graph_task_id(), batch.size).add(part, a, delta, last=alone)

    def _divide(self, shares: LayerShares, size: int) -> None:
        """What was added to every example, as places are, to the embedding of each, has its gradient there.

        Raises:
            RunError: there is no such embedding.
        """
        for part, a, delta, alone in self._summed:
            near = AGREED + self._rounding
            found = next((x for x in self._each if _adds_up(x, delta[0], near)), None)
            if found is None:
                raise RunError(f"a {type(part).__name__} is not called on the {size} examples")
            shares.add(part, a.expand(size, *a.shape[1:]), found, last=alone)
        self._each, self._summed = [], []

    def _of(self, task: int, size: int) -> LayerShares:
        if task not in self._shares:
            self._shares[task] = LayerShares(self._parameters, size)
        return self._shares[task]

    def forget(self, task: int) -> None:
        """What backward passes before this one came to is in no step."""
        self._shares = {at: shares for at, shares in self._shares.items() if at == task}
        self._met &= {task}
        self._each, self._summed = [], []

    def met(self, task: int, gradients: Mapping[int, Tensor]) -> None:
        """A backward pass, by its number, left these gradients, by the ids of the parameters."""
        batch = self._batch()
        if batch is not None and batch.size is not None:
            self._met.add(task)
            shares = self._of(task, batch.size)
            self._divide(shares, batch.size)
            shares.meet(gradients)

    def result(self) -> dict[int, float]:
        """Σ_i |c_i|² over the examples for each parameter, by its id.

        Raises:
            RunError: a parameter that is used in another way than by a layer that is known.
        """
        found = dict.fromkeys(self._parameters, 0.0)
        for task in self._met:
            shares = self._shares[task]
            off, sums = shares.off(), [shares.squares(key).sum() for key in self._parameters]
            numbers, parts = fetched([stacked(sums), stacked([x.double() for x in off.values()])])
            for key, number, part in zip(off, numbers, parts, strict=True):
                if not part <= AGREED + self._rounding:
                    raise RunError(f"{self._names[key]} is used in another way than by its own layer")
                found[key] += float(number)
        return found


def refuse_unknown(model: nn.Module, parameters: Sequence[nn.Parameter]) -> None:
    """Refuse trained parameters of layers whose shares are not known.

    Raises:
        RunError: there are some: the first layer.
    """
    known = (part for part in model.modules() if known_layer(part))
    held = {id(p) for part in known for p in part.parameters(recurse=False)}
    left = {id(p) for p in parameters if p.requires_grad} - held
    for name, part in model.named_modules():
        if any(id(p) in left for p in part.parameters(recurse=False)):
            kind = type(part).__name__
            raise RunError(f"shares of examples are not known of {name or 'the model'}, a {kind}")


def _adds_up(each: Tensor, whole: Tensor, near: float) -> bool:
    if each.shape[1:] != whole.shape:
        return False
    rest = torch.linalg.vector_norm(each.sum(dim=0) - whole)
    return bool(rest <= near * torch.linalg.vector_norm(whole))


def _single(x: Tensor) -> Tensor:
    """Numbers of half precision in float32, whose sums over positions keep them."""
    return x.float() if x.dtype in _HALF else x


def _rounding(x: Tensor) -> float:
    """To what part sums of such numbers may differ in how they were rounded."""
    return 4 * torch.finfo(x.dtype).eps if x.dtype in _HALF else 0.0
