"""What callbacks of all trainers do alike."""

import ast
import math
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

import sdesim
from sdesim.errors import RunError
from sdesim.training import Measurement
from sdesim.training.integrations.alike import check_keywords, logged, ordered

TRAINERS = {
    "lightning",
    "pytorch_lightning",
    "transformers",
    "accelerate",
    "peft",
    "wandb",
    "mlflow",
    "tensorboard",
}


def test_no_trainer_is_loaded_with_a_module_of_the_package():
    found = []
    for path in Path(sdesim.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not any(f"import {name}" in text or f"from {name}" in text for name in TRAINERS):
            continue
        for node in ast.parse(text).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found += [f"{path}: {name}" for name in names if name.partition(".")[0] in TRAINERS]
    assert not found


class Sorted(torch.utils.data.Sampler):
    """Examples of like size together."""


def test_shuffles_are_no_order_and_samplers_of_one_s_own_may_be():
    data = TensorDataset(torch.zeros(8, 1))
    shared = DistributedSampler(data, num_replicas=2, rank=0)

    assert not ordered(DataLoader(data, 4, shuffle=True))
    assert not ordered(DataLoader(data, 4, sampler=shared))
    assert ordered(DataLoader(data, 4, sampler=Sorted()))
    assert ordered(DataLoader(data, batch_sampler=[[0, 1], [2, 3]]))
    assert not ordered(None)


def test_a_log_gets_what_is_finite():
    made = Measurement.of(3, C_alpha=(0.5, 0.0, math.inf), p=math.nan, lambda_max=2.0)

    assert logged(made, "x/") == {"x/C_alpha": 0.5, "x/C_alpha_low": 0.0, "x/lambda_max": 2.0}


@pytest.mark.parametrize(
    ("keywords", "line"),
    [
        ({"budge": 0.1}, "Mine: found budge, allowed: loss, loader, "),
        ({"model": None}, "Mine: found model, allowed: loss, loader, "),
        ({"budget": 1.0}, "budget: found 1.0, allowed: above 0 and below 1, or None"),
    ],
)
def test_keywords_are_refused_before_a_training(keywords, line):
    check_keywords("Mine", {"budget": None, "sinks": ["never-made"]})
    with pytest.raises(RunError, match=line):
        check_keywords("Mine", keywords)
    assert not Path("never-made").exists()
