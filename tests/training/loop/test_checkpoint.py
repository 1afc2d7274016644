"""A training that was cut off goes on with the same bits, wherever it was cut."""

import itertools
import signal
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data, optimizers
from sdesim.errors import RunError
from sdesim.io import files
from sdesim.training import mlp, record
from sdesim.training.data import augmentation
from sdesim.training.loop.checkpoint import digest_of

NEVER = 10**9
DIGITS = data.digits(60, 40, seed=0)
SCHEDULES = torch.optim.lr_scheduler
VOLATILE = ("wall_time", "training_seconds", "probe_seconds", "probe_share", "progress_seconds")


class Cut(BaseException):
    """The training was cut off."""


class Noisy(nn.Module):
    """Random layers, running averages, and noise of NumPy's global generator."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 10)
        )

    def forward(self, x):
        shift = float(np.random.rand()) if self.training else 0.0  # noqa: NPY002
        return self.body(x) + 0.01 * shift


class Small(nn.Module):
    """A network that, before its first step, takes no more than 50 examples at once in training."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))

    def forward(self, x):
        if self.training and len(x) > 50 and not self.body[2].bias.any():
            raise ValueError("too many examples")
        return self.body(x)


def small():
    torch.manual_seed(0)
    made = Small().double()
    nn.init.zeros_(made.body[2].bias)
    return made


def noisy():
    torch.manual_seed(0)
    return Noisy().double()


def plain():
    return mlp([64, 8, 10], seed=0)


def jittered(x, generator):
    """Noise of three generators."""
    shift = torch.rand(1) + float(np.random.rand())  # noqa: NPY002
    return x + 0.1 * torch.randn(x.shape, generator=generator, dtype=x.dtype) + 0.1 * shift


def groups(parameters):
    return torch.optim.AdamW([{"params": parameters[:2], "lr": 0.01}, {"params": parameters[2:]}], lr=0.02)


CASES = {
    "momentum, dropout, batch norm, one cycle": {
        "make": noisy,
        "optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        "scheduler": lambda o: SCHEDULES.OneCycleLR(o, 0.2, total_steps=20),
    },
    "adamw, groups, cosine": {
        "make": noisy, "optimizer": groups, "scheduler": lambda o: SCHEDULES.CosineAnnealingLR(o, 20)
    },
    "lbfgs": {"make": plain, "optimizer": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3)},
    "rmsprop, with replacement": {
        "make": plain, "optimizer": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
        "sampling": "with-replacement",
        "scheduler": lambda o: SCHEDULES.MultiStepLR(o, [4, 9]),
    },
    "weighted": {
        "make": plain, "optimizer": lambda p: torch.optim.SGD(p, lr=0.1), "weights": "balanced"
    },
    "augmented": {
        "make": noisy, "optimizer": lambda p: torch.optim.SGD(p, lr=0.1),
        "augment": lambda x, g: jittered(x, g),
    },
    "tangent, a schedule of schedules": {
        "make": plain, "optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5), "tangent": True,
        "scheduler": lambda o: SCHEDULES.SequentialLR(
            o, [SCHEDULES.LinearLR(o, 0.1, total_iters=5), SCHEDULES.StepLR(o, 3)], [6]
        ),
    },
    "plateau": {
        "make": plain, "optimizer": lambda p: torch.optim.SGD(p, lr=0.1),
        "scheduler": lambda o: SCHEDULES.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=0.05),
    },
    "a reading that fails": {"make": small, "optimizer": lambda p: torch.optim.SGD(p, lr=0.1)},
    "adagrad, full batch": {
        "make": plain, "optimizer": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1), "batch_size": None
    },
    "clipped momentum in groups, one cycle": {
        "make": plain, "optimizer": optimizers.SGD(0.2, 10, 0.9, groups=[{"match": "0.*", "lr": 0.1}]),
        "clip": {"norm": 0.5}, "batch_size": None, "scheduler": optimizers.learning_rates.OneCycleLR(),
    },
}  # fmt: skip


def train(case, **changes):
    settings = dict(CASES[case])
    make, tangent = settings.pop("make"), settings.pop("tangent", False)
    arguments = {
        "steps": 14, "batch_size": 10, "seed": 3, "trajectories": 2, "save_every": 2, "progress": False,
        "probes": sdesim.Probes(every=5, samples=4, tangent=tangent, branches=2), "checkpoint_every": 4,
    }  # fmt: skip
    with warnings.catch_warnings():
        # SequentialLR's own deprecated call.
        warnings.simplefilter("ignore", UserWarning)
        loss = changes.pop("loss", cross_entropy)
        return record(
            make(), loss, DIGITS, None, settings.pop("optimizer"), **{**arguments, **settings, **changes}
        )


class CutAt:
    """Cross entropy that cuts the training off at its so-many-th call: in steps, probes or saves.

    Readings put back what a loss keeps in its attributes, but not how far an iterator has come. An object's
    private numbers are not compared, so that one that never cuts goes on from one that did.
    """

    def __init__(self, call):
        self._call, self._calls = call, itertools.count(1)

    def __call__(self, output, y):
        if next(self._calls) == self._call:
            raise Cut
        return cross_entropy(output, y)

    @property
    def calls(self):
        """Made so far; from Python 3.14 on an iterator can't be copied, but says where it is."""
        return int(repr(self._calls).removeprefix("count(").removesuffix(")")) - 1


cut_at = CutAt


def same(a, b):
    a, b = a.load(), b.load()
    assert set(a.data_vars) == set(b.data_vars)
    for name in a.variables:
        assert a[name].values.tobytes() == b[name].values.tobytes(), name
    for name in set(a.attrs) - set(VOLATILE):
        assert a.attrs[name] == b.attrs[name], name


@pytest.mark.parametrize("case", CASES)
def test_a_training_cut_off_anywhere_goes_on_with_the_same_bits(case, tmp_path, monkeypatch):
    # Three readings of each example in place of 34: objectives of 18 batches and not of 204.
    monkeypatch.setattr(augmentation, "_LEAST", 3 * len(DIGITS.x_train))
    # The same kind of loss: networks under torch's own take another way to their gradients.
    never = cut_at(NEVER)
    whole = train(case, out=tmp_path / "whole.zarr", loss=never)

    # Six steps are an epoch: cuts lie inside epochs, in probes and saves, in the second seed, and one after
    # another in the same run.
    for k, shares in enumerate([(0.8,), (0.15, 0.25, 0.3, 0.15)]):
        out = tmp_path / f"{k}.zarr"
        left = [int(share * never.calls) for share in shares]
        while True:
            loss = cut_at(left.pop(0) if left else NEVER)
            try:
                run = train(case, out=out, resume=True, loss=loss)
            except Cut:
                continue
            break
        same(whole, run)


def test_a_training_cut_off_while_it_writes_goes_on_with_the_same_bits(tmp_path, monkeypatch):
    whole = train("lbfgs", out=tmp_path / "whole.zarr", probes=None)
    replace, done = files.os.replace, 0

    def cut(source, target):
        nonlocal done
        if ".parts" in str(target):
            done += 1
            # Every third write fails: the mark of the run, states, finished seeds.
            if done % 3 == 0:
                raise Cut
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", cut)
    cuts = 0
    for _ in range(40):
        try:
            run = train("lbfgs", out=tmp_path / "a.zarr", resume=True, checkpoint_every=2, probes=None)
        except Cut:
            cuts += 1
            continue
        break

    assert cuts > 5
    same(whole, run)


def test_a_second_groups_settings_are_part_of_what_must_be_the_same(tmp_path):
    def two(lr):
        return lambda p: torch.optim.SGD([{"params": p[:2]}, {"params": p[2:], "lr": lr}], lr=0.1)

    def begin(lr, **more):
        record(
            plain(), more.pop("loss", cut_at(NEVER)), DIGITS, None, two(lr), steps=14, batch_size=10,
            progress=False, out=tmp_path / "a.zarr", **more,
        )  # fmt: skip

    with pytest.raises(Cut):
        begin(0.2, loss=cut_at(30))

    with pytest.raises(RunError, match="was begun with other arguments"):
        begin(0.3, resume=True)


def test_a_state_between_epochs_and_in_the_middle_of_one_holds_the_place(tmp_path):
    steps_done = []

    def stop(done, total):
        steps_done.append(done)
        if done == 9:
            raise Cut

    out = tmp_path / "a.zarr"
    with pytest.raises(Cut):
        train("lbfgs", out=out, progress=stop)

    held = torch.load(tmp_path / "a.zarr.parts" / "0.pt", weights_only=True)
    assert held["step"] == 8
    assert held["batches"]["at"] == 20
    resumed = []
    train("lbfgs", out=out, resume=True, progress=lambda done, total: resumed.append(done))
    assert min(resumed) == 9


def test_a_killed_process_leaves_what_another_one_finishes(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys
        import torch
        from torch.nn.functional import cross_entropy
        from sdesim import data
        from sdesim.training import mlp, record

        def kill(done, total):
            if done == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

        record(
            mlp([64, 8, 10], seed=0), cross_entropy, data.digits(60, 40, seed=0), None,
            lambda p: torch.optim.Adam(p, lr=0.01), steps=14, batch_size=10, seed=3, save_every=2,
            checkpoint_every=4, out=sys.argv[1], resume=True, progress=kill,
        )
    """)
    arguments = {
        "steps": 14, "batch_size": 10, "seed": 3, "save_every": 2, "checkpoint_every": 4, "progress": False
    }  # fmt: skip

    def here(out, resume):
        return record(
            plain(), cross_entropy, DIGITS, None, lambda p: torch.optim.Adam(p, lr=0.01), out=tmp_path / out,
            resume=resume, **arguments,
        )  # fmt: skip

    done = subprocess.run([sys.executable, "-c", script, tmp_path / "killed.zarr", "11"], check=False)

    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "killed.zarr.parts" / "0.pt").exists()
    same(here("whole.zarr", False), here("killed.zarr", True))


def test_how_often_the_state_is_kept_changes_no_bit(tmp_path):
    same(
        train("lbfgs", out=tmp_path / "a.zarr", checkpoint_every=1),
        train("lbfgs", out=tmp_path / "b.zarr", checkpoint_every=None),
    )


def test_a_state_that_is_no_plain_numbers_is_not_kept_and_said_so(tmp_path):
    class Held(SCHEDULES.StepLR):
        def state_dict(self):
            return {"held": object()}

    with pytest.warns(UserWarning, match="will start again: the scheduler's state holds a object"):
        record(
            plain(), cross_entropy, DIGITS, None, lambda p: torch.optim.SGD(p, lr=0.1), steps=3,
            progress=False, scheduler=lambda o: Held(o, 2), out=tmp_path / "a.zarr",
        )  # fmt: skip


def cut_after_five(done, total):
    if done >= 5:
        raise Cut


def test_a_damaged_state_is_refused_in_one_line(tmp_path):
    with pytest.raises(Cut):
        train("lbfgs", out=tmp_path / "a.zarr", progress=cut_after_five)
    file = tmp_path / "a.zarr.parts" / "0.pt"
    held = file.read_bytes()
    stored = torch.load(file, weights_only=True)
    torch.save({**stored, "step": 10**12}, tmp_path / "edited.pt")
    edited = (tmp_path / "edited.pt").read_bytes()

    for content in (b"nothing", b"", held[:1000], edited):
        file.write_bytes(content)
        words = r"0\.pt (can't be read|is not as it was written).*: remove it"
        with pytest.raises(RunError, match=words) as error:
            train("lbfgs", out=tmp_path / "a.zarr", resume=True)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("step", [-1, 10**12, 3.0, None])
def test_a_state_of_a_step_that_the_training_does_not_have_is_refused(tmp_path, step):
    with pytest.raises(Cut):
        train("lbfgs", out=tmp_path / "a.zarr", progress=cut_after_five)
    file = tmp_path / "a.zarr.parts" / "0.pt"
    stored = torch.load(file, weights_only=True) | {"step": step}
    del stored["digest"]
    torch.save({**stored, "digest": digest_of(stored)}, file)

    with pytest.raises(RunError, match=rf"is of another training \(it is of step {step}"):
        train("lbfgs", out=tmp_path / "a.zarr", resume=True)
