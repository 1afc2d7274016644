"""What a run says of the training that made it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sdesim.kinds.plain import dump_settings
from sdesim.runs.price import priced
from sdesim.training.loop.prepared import Prepared
from sdesim.training.probes.optimizer_facts import optimizer_attributes


def run_attributes(prepared: Prepared, name: str) -> dict[str, Any]:
    """The attributes of the Run that are known before training."""
    recipe, own = prepared.recipe, prepared.order.own
    return {
        "name": name,
        "seed": recipe.seed,
        **optimizer_attributes(prepared.example, recipe.told),
        "optimizer_model": prepared.step_model,
        # A schedule may give plain steps a momentum.
        **({"plain_step": False} if recipe.told is not None and prepared.step_model != "plain" else {}),
        **prepared.trial.attributes(),
        "mode": prepared.mode,
        **({} if prepared.accuracy is None else {"accuracy_of": prepared.accuracy.words}),
        "learning_rate": float(prepared.rates[0]),
        "dt": float(prepared.rates[0]) * prepared.stretch,
        "batch_size": prepared.order.batch_size or 0,
        "dataset_size": len(prepared.train),
        "sampling": prepared.order.sampling,
        **last_batch(prepared),
        **({} if own is None else {"sampler": own.name, "sampler_law": "taken as uniform"}),
        "init": prepared.init,
        **_untrained(prepared),
        **_readings(prepared),
        **({} if recipe.clients is None else {"clients": dataclasses.asdict(recipe.clients)}),
        **({} if recipe.mask is None else {"layer_sparsity": layer_sparsity(recipe.module, recipe.mask)}),
        **_probing(prepared),
        **({"penalty": list(map(repr, recipe.penalties))} if recipe.penalties else {}),
        **({} if recipe.amplify == 1 else {"amplify": recipe.amplify}),
        **({"momentum_changes": True} if prepared.momentum_changes else {}),
        **({"follows_loss": True} if prepared.follows_loss else {}),
        # Until the last step is made it is not known whether any gradient is cut.
        **({} if recipe.clip is None else {"clip": dump_settings(recipe.clip), "clipping": "active"}),
    }


def clipping_attributes(clipped: int, steps: int) -> dict[str, Any]:
    """Whether any gradient was cut down in so many steps of all seeds, and the share of those steps."""
    share = clipped / steps if steps else 0.0
    return {"clipping": "active" if clipped else "inactive", "clipped_steps": share}


def last_batch(prepared: Prepared) -> dict[str, int]:
    """How many examples the last batch of an epoch has, where it is smaller than the others."""
    order, n = prepared.order, len(prepared.train)
    if order.batch_size is None or order.drop_last or order.sampling not in ("epoch", "sequential"):
        return {}
    return {"last_batch": n % order.batch_size} if n % order.batch_size else {}


def _untrained(prepared: Prepared) -> dict[str, int]:
    """How many parameters are frozen or unknown to the optimizer, where there are any."""
    groups = prepared.example.param_groups
    moved = sum(p.numel() for group in groups for p in group["params"] if p.requires_grad)
    left = sum(p.numel() for p in prepared.recipe.module.parameters()) - moved
    return {"untrained_parameters": left} if left else {}


def _probing(prepared: Prepared) -> dict[str, Any]:
    """What is probed."""
    probes = prepared.probes
    if probes is None:
        return {}
    found: dict[str, Any] = {"probe_batch_size": prepared.probed_batch, "probe_every": probes.every}
    if probes.precision is not None:
        found |= {"precision": probes.precision, "most_samples": probes.most}
    found |= {"streamed": True} if prepared.streamed else {}
    if prepared.eigenvalue_examples < len(prepared.train) and probes.wants("curvature"):
        found["eigenvalue_examples"] = prepared.eigenvalue_examples
    if prepared.price is not None:
        found |= priced(probes, prepared.price)
    if probes.exact and prepared.sampled_because:
        found["sampled_because"] = prepared.sampled_because
    found |= {"progress_method": "branched"} if prepared.branches else {}
    return found | ({"tangent": "full"} if probes.tangent else {})


def _readings(prepared: Prepared) -> dict[str, Any]:
    """How examples are read, where each reading differs."""
    if prepared.train.reader is None:
        return {}
    augment = prepared.train.reader.augment
    name = "" if augment is None else getattr(augment, "__qualname__", type(augment).__name__)
    name = getattr(augment, "label", name)
    return {"readings": prepared.train.readings, "augment": name}


def layer_sparsity(module: nn.Module, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Share of each weight array that the mask takes away, by parameter name; biases are left out."""
    found, place = {}, 0
    for name, parameter in module.named_parameters():
        end = place + parameter.numel()
        if parameter.ndim > 1:
            found[name] = float(1.0 - mask[place:end].mean())
        place = end
    return found
