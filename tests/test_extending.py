"""The examples of docs/extending.md: each is short, stands for itself, and really uses its kind."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import sdesim
from sdesim.kinds import families, registry
from sdesim.runs import quantities

TEXT = (Path(__file__).parent.parent / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = {
    title.lower().replace(" ", "_"): code
    for title, code in re.findall(r"^## ([\w ]+)\n.*?```python\n(.*?)```", TEXT, re.S | re.M)
}
_MOST = 20


def simulated_with(attribute, word):
    return lambda ns: word in ns["run"].attrs[attribute] and np.isfinite(ns["run"]["theta"].values).all()


def first_loss(ns, loss):
    """Whether the run begins at the example's loss."""
    import torch

    points = ns["points"].load()
    x, y = torch.tensor(points.x_train), torch.tensor(points.y_train)
    return np.isclose(ns["run"]["loss"].values[0, 0], loss(ns["net"].build()(x), y).item(), rtol=1e-12)


USES = {
    "surfaces": simulated_with("surface", "Quartic"),
    "noises": simulated_with("noise", "Uniform"),
    "schemes": simulated_with("scheme", "tamed-coordinates"),
    "events": lambda ns: np.isfinite(ns["run"]["exit_time"].values).any(),
    "schedules": lambda ns: (
        np.isfinite(ns["run"]["theta"].values).all() and ns["Hyperbolic"](0.5)(1.0) == 0.25
    ),
    "jumps": lambda ns: (
        abs(ns["run"]["theta"].values).max() > 0.0 and ns["Triangular"]().kind == "triangular"
    ),
    "observables": lambda ns: (
        ns["run"]["spread"].values == np.ptp(ns["run"]["theta"].values, axis=-1)
    ).all(),
    "walls": lambda ns: (ns["run"]["theta"].values >= 0.0).all() and "Mirror" in str(ns["run"].attrs),
    "reductions": lambda ns: (
        ns["run"]["positive"].values == (ns["run"]["theta"].values > 0.0).sum(axis=(0, 2))
    ).all(),
    "sdes": lambda ns: 0.0 < ns["run"]["theta"].values[0, -1, 0] < 0.5 and "loss" not in ns["run"],
    "data": lambda ns: ns["run"].attrs["dataset_size"] == 40,
    "augmentations": lambda ns: ns["run"].attrs["augment"] == "invert (share 0.5)",
    "weightings": lambda ns: ns["run"].attrs["sampling"] == "weighted",
    "networks": lambda ns: ns["run"].attrs["dim"] == 65 * 16 + 17 * 10,
    "losses": lambda ns: first_loss(ns, ns["Huber"](0.5).function(ns["points"])),
    "penalties": lambda ns: "SmoothL1" in ns["run"].attrs["penalty"][0],
    "objectives": lambda ns: first_loss(ns, ns["loss"].function(ns["points"])),
    "optimizers": lambda ns: "rprop" in ns["run"].attrs["optimizer"].lower(),
    "learning_rates": lambda ns: np.allclose(ns["run"]["learning_rate"][0, :2], [0.1, 0.1 / np.sqrt(2.0)]),
    "laws": lambda ns: abs(ns["found"].slope.value + 2.0) < 1e-9,
    "fits": lambda ns: ns["found"].volatility.low < 1.0 < ns["found"].volatility.high,
    "sinks": lambda ns: len(ns["monitor"].history) == 1,
    "quantities": lambda ns: "gradient_scale" in sdesim.measure(ns["run"]),
}


@pytest.fixture
def run_alone(tmp_path, monkeypatch):
    """Run an example as a file of its own; what it registers is forgotten afterwards."""

    def run(name, code):
        module = f"extending_{name}"
        file = tmp_path / f"{module}.py"
        file.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(module, file)
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, module, loaded)
        spec.loader.exec_module(loaded)
        return vars(loaded)

    yield run
    quantities.unregister("gradient_scale")
    for kinds in registry._REGISTERED.values():
        for name in [name for name, cls in kinds.items() if cls.__module__.startswith("extending_")]:
            del kinds[name]


def test_there_is_an_example_of_every_family():
    known = {*families(), "quantities"} - {"settings"}

    assert set(EXAMPLES) == set(USES) == known
    assert all(f"| `{family}` |" in TEXT for family in known - {"quantities"})


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_uses_its_kind(run_alone, name):
    code = EXAMPLES[name]

    found = run_alone(name, code)

    assert len([line for line in code.splitlines() if line.strip()]) <= _MOST
    assert USES[name](found)
    assert name == "quantities" or registry._REGISTERED[name].keys() & set(
        re.findall(r'"([\w-]+)"\)\n', code)
    )


def test_sentences_are_short():
    prose = re.sub(r"```.*?```|^\|.*?$|^#.*?$", "\n\n", TEXT, flags=re.S | re.M)
    for paragraph in re.split(r"\n\s*\n|\n- ", prose):
        for sentence in re.split(r"(?<=[.:;])\s+", " ".join(paragraph.split())):
            assert len(sentence.split()) <= 30, sentence
