"""Kinds against torch's own signatures: every parameter of every optimizer, or why it is none."""

import inspect
from dataclasses import MISSING

import pytest

from sdesim.kinds import Misfit, kinds_of, read
from sdesim.kinds.fields import fields_by_name
from sdesim.optimizers import SGD, Adam, Base

torch = pytest.importorskip("torch")

KINDS = {name: cls for name, cls in kinds_of("optimizers").items() if cls.torch_name}
# Whose default is none of torch's, and why: files of before give no weight decay, and get none.
OTHER_DEFAULTS = {("adamw", "weight_decay")}
# Muon's second optimizer has the field of this name; torch's own is called muon_eps.
RENAMED = {("muon", "eps"): "muon_eps"}


def parameters_of(cls):
    found = inspect.signature(cls).parameters
    return {name: p.default for name, p in found.items() if name not in ("params", "optimizer", "last_epoch")}


def test_every_optimizer_of_torch_is_a_kind_or_refused_with_a_reason():
    optimizers = {
        name for name, cls in vars(torch.optim).items()
        if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer) and name != "Optimizer"
    }  # fmt: skip

    assert optimizers == {cls.torch_name for cls in KINDS.values()} | set(Base.refused_kinds)


@pytest.mark.parametrize("name", KINDS)
def test_fields_are_torchs_parameters_with_torchs_defaults(name):
    cls = KINDS[name]
    fields = {cls.renamed.get(key, key): field for key, field in fields_by_name(cls).items()}

    for parameter, default in parameters_of(getattr(torch.optim, cls.torch_name)).items():
        if parameter in cls.refused_fields:
            assert parameter not in fields_by_name(cls)
            continue
        field = fields[RENAMED.get((name, parameter), parameter)]
        if parameter == "lr":
            assert field.default is MISSING
        elif (name, parameter) not in OTHER_DEFAULTS:
            # Torch takes None for its own "original".
            assert (None if field.default == "original" else field.default) == default, parameter


@pytest.mark.parametrize("name", KINDS)
def test_what_only_says_how_torch_computes_is_refused_in_a_line(name):
    with pytest.raises(Misfit) as caught:
        read("optimizers", {"kind": name, "lr": 0.1, "foreach": True})

    assert str(caught.value).startswith("foreach: found True, refused: it says how torch computes a step")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LBFGS", "kind: found 'LBFGS', refused: a step of it calls the loss several times"),
        ("lbfgs", "kind: found 'lbfgs', refused: a step of it calls the loss several times"),
        ("SparseAdam", "kind: found 'SparseAdam', refused: it takes sparse gradients alone"),
        ("AdamX", "did you mean 'adam"),
    ],
)
def test_torchs_names_that_are_no_kinds_are_answered(name, words):
    with pytest.raises(Misfit) as caught:
        read("optimizers", {"kind": name, "lr": 0.1})

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("family", "written", "kind", "fields"),
    [
        ("optimizers", "AdamW", "adamw", {"lr": 0.1}),
        ("optimizers", "RMSprop", "rmsprop", {"lr": 0.1}),
        ("learning_rates", "StepLR", "step-lr", {"step_size": 3}),
        ("learning_rates", "CosineAnnealingLR", "cosine-annealing-lr", {"T_max": 3}),
    ],
)
def test_torchs_own_spelling_is_the_same_kind(family, written, kind, fields):
    found = read(family, {"kind": written, **fields})

    assert found == read(family, {"kind": kind, **fields})
    assert found.kind == kind


def test_other_families_take_names_as_they_are():
    with pytest.raises(Misfit, match="did you mean 'digits'"):
        read("data", {"kind": "Digits"})


def test_a_field_that_no_kind_has_is_refused_in_python_too():
    with pytest.raises(Misfit, match=r"^fused: found True, refused: "):
        Adam(0.1, fused=True)
    with pytest.raises(Misfit, match=r"^capturable: unknown|^capturable: found True, refused: "):
        SGD(0.1, capturable=True)
