"""A recording that was cut off keeps the seeds that were finished."""

import linecache
import sys
import types
import warnings

import pytest
import torch

from sdesim import data
from sdesim.errors import RunError
from sdesim.optimizers import SGD
from sdesim.optimizers.learning_rates import OneCycleLR, ReduceLROnPlateau
from sdesim.training import Recipe, mlp
from sdesim.training.loop.attributes import run_attributes
from sdesim.training.loop.finished_seeds import fingerprint
from sdesim.training.loop.prepared import prepare
from tests.training.recorded import PROBES, train

DIGITS = data.digits(60, 0, seed=0)


def test_an_interrupted_recording_goes_on_with_the_same_bits(tmp_path):
    whole = train(trajectories=3, probes=PROBES)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done > 16:
            raise Stopped

    with pytest.raises(Stopped):
        train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", progress=stop)
    resumed = train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", resume=True)

    for name in whole.data_vars:
        assert whole[name].values.tobytes() == resumed[name].values.tobytes(), name
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]


def _edited(tmp_path, text, name="my_loss"):
    """The functions of a file that says so, as another process imports them."""
    file = tmp_path / f"{name}.py"
    file.write_text(text)
    linecache.checkcache()
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = str(file)
    exec(compile(text, str(file), "exec"), module.__dict__)
    return module


LOSS = """\
import torch

POWER = {power}


def loss(z, y):
    return torch.nn.functional.cross_entropy(z, y) {more}
"""
NET = """\
import torch

class Net(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x){more}
"""


def _loss(tmp_path, power=1, more="** POWER"):
    return _edited(tmp_path, LOSS.format(power=power, more=more)).loss


def _net(tmp_path, more=""):
    torch.manual_seed(0)
    return _edited(tmp_path, NET.format(more=more), "my_net").Net(64, 10)


def _begun(tmp_path, **changes):
    arguments = {
        "network": _net(tmp_path), "out": tmp_path / "run.zarr", "trajectories": 2,
        "optimizer": lambda params: torch.optim.SGD(params, lr=0.1),
    }  # fmt: skip
    loss = changes.pop("loss_fn", None) or _loss(tmp_path)
    return train(loss_fn=loss, **(arguments | changes))


class _Noisy:
    """An augmentation by an object with a method of its own and a counter."""

    def __init__(self, scale):
        self.scale, self._calls = scale, 0

    def __call__(self, x, generator):
        self._calls += 1
        return self.shift(x) + 0.0 * torch.randn(x.shape, generator=generator)

    def shift(self, x):
        return x


class _NoisyEdited(_Noisy):
    def shift(self, x):
        return x + 1.0


_listed = lambda params: torch.optim.SGD(list(params), lr=0.1)  # noqa: E731


_NoisyEdited.__qualname__ = _NoisyEdited.__name__ = "_Noisy"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda p: {"loss_fn": _loss(p, more="")}, r"function loss \(loss_fn\) in my_loss.py changed"),
        (lambda p: {"loss_fn": _loss(p, power=2)}, r"constant POWER changed"),
        (lambda p: {"network": _net(p, " * 2.0")}, r"function Net.forward changed"),
        (lambda p: {"optimizer": _listed}, r"function <lambda> \(optimizer\) in \S+ changed"),
        (lambda p: {"augment": _NoisyEdited(1.0)}, r"function _Noisy.shift (changed|is new)"),
        (lambda p: {"augment": _Noisy(2.0)}, r"values of augment.scale was 1.0, is 2.0"),
        (lambda p: {"loss_fn": torch.nn.CrossEntropyLoss()}, r"function loss \(loss_fn\) is gone"),
    ],
    ids=["loss", "constant", "network", "optimizer", "augment", "setting", "another"],
)  # fmt: skip
def test_code_that_was_edited_is_named_and_goes_on_only_where_that_is_accepted(tmp_path, edit, words):
    _begun(tmp_path, augment=_Noisy(1.0))

    # The same again: what is held is given back.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = _begun(tmp_path, augment=_Noisy(1.0), resume=True)
    changed = {"augment": _Noisy(1.0)} | edit(tmp_path)
    with pytest.raises(RunError, match=f"holds a run with other code.*{words}") as caught:
        _begun(tmp_path, **changed, resume=True)
    assert "\n" not in str(caught.value)
    with pytest.warns(UserWarning, match=f"was made before .*{words}"):
        held = _begun(tmp_path, **changed, resume=True, accept_changes=True)
    assert held.loss.values.tobytes() == same.loss.values.tobytes()


def test_an_interrupted_training_goes_on_with_edited_code_and_says_so(tmp_path):
    def stop(done, total):
        if done > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _begun(tmp_path, progress=stop)
    edited = {"loss_fn": _loss(tmp_path, power=2), "resume": True}
    with pytest.raises(RunError, match=r"was begun with other code .*constant POWER changed.*--accept"):
        _begun(tmp_path, **edited)
    run = _begun(tmp_path, **edited, accept_changes=True)

    assert run.attrs["accepted_changes"] == ["constant POWER changed"]
    old = _begun(tmp_path, out=None)
    new = train(loss_fn=_loss(tmp_path, 2), network=_net(tmp_path), trajectories=2)
    # The first seed was whole; the second is trained by the edited loss.
    assert run.loss.values[0].tobytes() == old.loss.values[0].tobytes()
    assert run.loss.values[1].tobytes() == new.loss.values[1].tobytes()


def test_arguments_are_no_code_and_can_not_be_accepted(tmp_path):
    _begun(tmp_path)

    with pytest.raises(RunError, match=r"other arguments \(steps was 8, is 9; .*\): choose another out"):
        _begun(tmp_path, steps=9, resume=True, accept_changes=True)
    with pytest.raises(RunError, match=r"other arguments .*seed was 3, is 4"):
        _begun(tmp_path, seed=4, resume=True, accept_changes=True)


def test_where_code_stands_and_its_comments_do_not_count(tmp_path):
    _begun(tmp_path)
    text = LOSS.format(power=1, more="** POWER  # to the power")
    moved = _edited(tmp_path, f"\n# A remark.\n\n{text}").loss

    assert _begun(tmp_path, loss_fn=moved, resume=True).attrs["complete"]


def test_settings_and_weights_of_a_loss_of_torch_count(tmp_path):
    def begun(**changes):
        return _begun(tmp_path, loss_fn=torch.nn.CrossEntropyLoss(**changes), resume=True)

    begun()

    with pytest.raises(RunError, match=r"values of loss_fn.label_smoothing was 0.0, is 0.1"):
        begun(label_smoothing=0.1)
    with pytest.raises(RunError, match=r"values of the tensors of loss_fn changed"):
        begun(weight=torch.ones(10, dtype=torch.float32))
    begun()


def _grouped(match):
    return {"optimizer": SGD(0.1, 10, 0.5, groups=[{"match": match, "lr": 0.2}])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_grouped("0.*"), _grouped("2.*")),
        ({"scheduler": ReduceLROnPlateau(factor=0.5)}, {"scheduler": ReduceLROnPlateau(factor=0.1)}),
        ({"scheduler": OneCycleLR(base_momentum=0.7)}, {"scheduler": OneCycleLR(base_momentum=0.8)}),
        ({"clip": {"norm": 1.0}}, {"clip": {"norm": 2.0}}),
    ],
    ids=["groups", "plateau", "momentum", "clip"],
)
def test_settings_that_move_the_steps_tell_trainings_apart(one, other):
    def key(changes):
        arguments = {"optimizer": SGD(0.1, 10, 0.5), "steps": 8, **changes}
        recipe = Recipe(mlp([64, 8, 10], seed=0), torch.nn.CrossEntropyLoss(), DIGITS, None, **arguments)
        prepared = prepare(recipe, save_every=None, save=("loss",), probes=None)
        return fingerprint(prepared, run_attributes(prepared, "")).key

    assert key(one) == key(one)
    assert key(one) != key(other)
