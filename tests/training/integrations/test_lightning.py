"""Lightning's Trainer with the callback: what is read is true, and the training is as it was."""

import copy
import csv
import functools
import logging
import math
import pickle
import warnings

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset
from torchmetrics import MeanMetric

from sdesim.errors import RunError
from sdesim.training import CsvSink, Monitor, SDEMonitor, lightning_monitor
from tests.training.watching.loops import LOSS, examples, network, truth

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:.*(num_workers|log_every_n|bottleneck|LeafSpec|ckpt_path|ended before)"
    ),
    pytest.mark.filterwarnings("ignore:.*(GradScaler|Found keys|not resumable|Checkpoint directory)"),
]
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Net(pl.LightningModule):
    """A network that logs what it does; ``scheduled``: the rate halves with every step."""

    def __init__(self, make=torch.optim.SGD, rate=0.1, scheduled=False, fails=math.inf):
        super().__init__()
        self.net, self.make, self.rate = network(), make, rate
        self.scheduled, self.fails, self.rates = scheduled, fails, []

    def training_step(self, batch, index):
        if self.trainer.global_step >= self.fails:
            raise KeyboardInterrupt if index % 2 else ZeroDivisionError
        x, y = batch
        loss = LOSS(self.net(x), y)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        optimizer = self.make(self.net.parameters(), lr=self.rate)
        if not self.scheduled:
            return optimizer
        halved = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": halved, "interval": "step"}}


class Gan(pl.LightningModule):
    """Two networks against each other; the generator steps at every second batch.

    toggled: whether parameters of the other network are switched off meanwhile."""

    def __init__(self, rate=0.05, toggled=True, make=torch.optim.SGD):
        super().__init__()
        self.automatic_optimization = False
        torch.manual_seed(3)
        self.generator = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6))
        self.judge = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
        self.rate, self.toggled, self.make = rate, toggled, make

    def judged(self, x, right):
        return nn.functional.softplus((1 - 2 * right) * self.judge(x)).mean()

    def losses(self, x, z):
        """Of the generator, and of the judge."""
        made = self.generator(z)
        return self.judged(made, 1), (self.judged(x, 1) + self.judged(made.detach(), 0)) / 2

    def training_step(self, batch, index):
        x, z = batch
        for k, optimizer in enumerate(self.optimizers()):
            if self.toggled:
                self.toggle_optimizer(optimizer)
            loss = self.losses(x, z)[k]
            optimizer.zero_grad()
            self.manual_backward(loss)
            if k or index % 2 == 0:
                optimizer.step()
            if self.toggled:
                self.untoggle_optimizer(optimizer)

    def configure_optimizers(self):
        return [self.make(part.parameters(), lr=self.rate) for part in (self.generator, self.judge)]


def loader(size=12, seed=None, codes=False):
    """Shuffled; under a seed drawn with replacement, without an end."""
    x, y = examples()
    if codes:
        y = torch.randn(len(x), 6, generator=torch.Generator().manual_seed(4))
    data = TensorDataset(x, y)
    if seed is None:
        return DataLoader(data, batch_size=size, shuffle=True)
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(data, size, sampler=RandomSampler(data, True, 10**6, generator), drop_last=True)


def trainer(*callbacks, **options):
    plain = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "max_epochs": 2}
    return pl.Trainer(
        accelerator="cpu", enable_model_summary=False, callbacks=list(callbacks), **(plain | options)
    )


def fit(module, *callbacks, batches=None, path=None, **options):
    made = trainer(*callbacks, **options)
    torch.manual_seed(5)
    made.fit(module, batches or loader(codes=isinstance(module, Gan)), ckpt_path=path)
    return made


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def scaled():
    return [pl.plugins.MixedPrecision("16-mixed", "cpu")]


@pytest.mark.parametrize(
    ("make", "options", "batch"),
    [
        (Net, {}, 12),
        (functools.partial(Net, torch.optim.AdamW), {"accumulate_grad_batches": 2}, 24),
        (functools.partial(Net, scheduled=True), {"gradient_clip_val": 0.1}, 12),
        (functools.partial(Net, torch.optim.LBFGS), {"max_steps": 5}, 12),
        (Net, {"precision": "bf16-mixed"}, 12),
        (Net, {"precision": "64-true"}, 12),
        (Net, {"plugins": scaled, "accumulate_grad_batches": 2, "gradient_clip_val": 0.1}, 24),
        (Gan, {}, 12),
        (functools.partial(Gan, toggled=False), {}, 12),
    ],
)
def test_weights_and_random_numbers_are_those_of_a_training_without(make, options, batch):
    ended = []
    for callbacks in ([SDEMonitor(budget=None)], []):
        module = make()
        made = {name: value() if callable(value) else value for name, value in options.items()}
        ran = fit(module, *callbacks, **made)
        ended.append((module, torch.randint(2**60, ()), callbacks, ran))
    (module, drawn, (callback,), ran), (alone, also, _, _) = ended

    assert same(module, alone)
    assert torch.equal(drawn, also)
    assert sum(m.step for m in callback.monitors) == ran.global_step
    for monitor in callback.monitors:
        # The first step is made before anything is attached.
        assert [m.step for m in monitor.history] == list(range(1, monitor.step))
        assert {m.batch_size for m in monitor.history} == {batch}
        assert not monitor.reasons
        assert ("clipped" in monitor.history[0].flags) == ("gradient_clip_val" in made)
    if module.__class__ is Gan:
        assert callback.names == ["generator", "judge"]
        assert [m.step for m in callback.monitors] == [10, 20]


def test_batches_of_an_accumulated_step_weigh_the_same_whatever_their_sizes():
    callback = SDEMonitor(budget=None)
    fit(Net(), callback, batches=loader(16), accumulate_grad_batches=2, max_epochs=1)

    # The last of eight batches has 8 examples; their losses' means are halved and added up.
    assert [m.batch_size for m in callback.monitor.history] == [32, 32, 24]
    assert ["batches_unequal" in m.flags for m in callback.monitor.history] == [False, False, True]
    assert [row[5] for row in callback.monitor._readings._rows] == [2.0, 2.0, 2.0]


def test_a_network_of_layers_without_a_formula_is_read_by_halves():
    class Recurrent(Net):
        def __init__(self):
            super().__init__()
            self.net = Last()

    callback = SDEMonitor(budget=None)
    fit(Recurrent(), callback, max_epochs=1)

    assert [m.batch_size for m in callback.monitor.history] == [12] * 9
    assert [row[5] for row in callback.monitor._readings._rows] == pytest.approx([2.0] * 9)


class Last(nn.Module):
    """The last place of a recurrent network, over the numbers of an example."""

    def __init__(self):
        super().__init__()
        self.cells, self.out = nn.GRU(1, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.cells(x[:, :, None])[0][:, -1])


def test_the_time_of_a_reading_is_that_of_the_rates_of_the_steps_made():
    callback = SDEMonitor(budget=None)
    fit(Net(scheduled=True), callback, max_steps=6)

    rates = [0.1 * 0.5**k for k in range(6)]
    for m in callback.monitor.history:
        assert m.learning_rate == pytest.approx(rates[m.step])
        assert m.time == pytest.approx(sum(rates[: m.step]))


def gan_truth(module, k):
    """|μ|² and Tr Σ of a batch of 16 pairs, of the generator or of the judge, over all pairs."""
    rows = []
    weights = list((module.generator, module.judge)[k].parameters())
    x, z = loader(codes=True).dataset.tensors
    for i in range(len(x)):
        grads = torch.autograd.grad(module.losses(x[i : i + 1], z[i : i + 1])[k], weights)
        rows.append(torch.cat([g.reshape(-1) for g in grads]).double())
    g = torch.stack(rows)
    return float(g.mean(0) @ g.mean(0)), float(((g - g.mean(0)) ** 2).sum(1).mean()) / 16


@pytest.mark.parametrize(
    ("make", "size", "options"),
    [
        (Net, 16, {}),
        (
            functools.partial(Net, torch.optim.Adam),
            4,
            {"accumulate_grad_batches": 4, "gradient_clip_val": 1e-3},
        ),
        (
            functools.partial(Net, functools.partial(torch.optim.LBFGS, max_iter=2)),
            16,
            {"precision": "bf16-mixed"},
        ),
        (functools.partial(Gan, toggled=False), 16, {}),
    ],
)
def test_signal_and_noise_are_those_of_the_effective_batch(make, size, options):
    # At a rate of nearly 0 all readings are of one weight, and of independent batches. 5.4 standard errors of
    # each of ten numbers: 7e-7 in all.
    module = make(rate=1e-12)
    callback, steps = SDEMonitor(budget=None, window=10**4, loader=None), 60
    codes = isinstance(module, Gan)
    batches = loader(size, 7, codes)
    turns = 3 * steps if codes else steps
    fit(module, callback, batches=batches, max_steps=turns, max_epochs=1, **options)

    for k, monitor in enumerate(callback.monitors):
        signal, noise = gan_truth(module, k) if codes else truth(module.net, 16)
        rows = torch.tensor([row[3:5] for row in monitor._readings._rows], dtype=torch.float64)
        errors = rows.std(dim=0) / math.sqrt(len(rows))
        assert len(rows) >= steps - 2
        for found, true, error in zip(rows.mean(dim=0), (signal, noise), errors, strict=True):
            assert abs(float(found) - true) < 5.4 * float(error)
            assert float(error) < 0.25 * true
        last = monitor.history[-1]
        assert last.batch_size == 16
        assert last.C_1.value == pytest.approx(last.C_alpha.value / 16)


def test_a_fit_goes_on_from_a_checkpoint_in_steps_readings_and_weights(tmp_path):
    first, module = SDEMonitor(budget=None), Net()
    fit(module, first, max_epochs=1).save_checkpoint(tmp_path / "one.ckpt")
    held = torch.load(tmp_path / "one.ckpt", weights_only=True)["callbacks"]["SDEMonitor"]
    later, resumed, alone = SDEMonitor(budget=None), Net(), Net()
    for_test = SDEMonitor()
    trainer(for_test).test(NetTested(), loader(), ckpt_path=tmp_path / "one.ckpt", verbose=False)
    fit(resumed, later, path=tmp_path / "one.ckpt")
    fit(alone, path=tmp_path / "one.ckpt")

    monitor, before = later.monitor, first.monitor.history
    assert held["monitors"][0]["step"] == 10
    assert for_test.state_dict() == {}
    assert same(resumed, alone)
    # A step that is read is told when the next one's gradient is known, or at the end.
    kept = [m.step for m in monitor.history]
    assert kept == [*range(1, len(before) + 1), *range(11, 20)]
    assert monitor.step == 20
    assert [m.C_alpha for m in monitor.history[: len(before)]] == [m.C_alpha for m in before]
    assert monitor.history[-1].time == pytest.approx(1.9)


class Busy(Net):
    """A network whose step keeps what it sees, draws random numbers, and logs in all ways."""

    def __init__(self, direct=False):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))
        self.mean, self.seen, self.direct = MeanMetric(), [], direct

    def training_step(self, batch):
        loss = LOSS(self.net(batch[0]), batch[1])
        self.seen.append(float(loss))
        self.mean(loss.detach())
        self.log("mean", self.mean, on_epoch=True, on_step=False)
        self.log_dict({"each": loss}, on_step=True, on_epoch=True)
        if self.direct:
            self.logger.log_metrics({"direct": float(loss)}, step=len(self.seen))
        return {"loss": loss}

    def validation_step(self, batch, index):
        self.log("held", LOSS(self.net(batch[0]), batch[1]))


def test_readings_are_bought_of_the_training_s_own_step_which_does_not_notice():
    ended = []
    for callbacks in ([SDEMonitor(budget=None)], []):
        torch.manual_seed(6)
        module, ran = Busy(), trainer(*callbacks, max_epochs=11)
        torch.manual_seed(5)
        ran.fit(module, loader(), loader())
        logged = {k: float(x) for k, x in ran.callback_metrics.items() if "sdesim" not in k}
        ended.append((module, torch.randint(2**60, ()), logged, callbacks))
    (module, drawn, logged, (callback,)), (alone, also, plain, _) = ended

    found = {name for m in callback.monitor.history for name in m.estimates}
    assert {"progress", "progress_heldout", "gradient_agreement", "edge_ratio", "tail_index"} <= found
    assert not callback.monitor.reasons
    assert same(module, alone)
    assert torch.equal(drawn, also)
    assert logged == plain
    assert module.seen == alone.seen
    assert len(logged) == 5


def test_a_step_that_writes_to_a_logger_by_itself_is_not_made_again(tmp_path):
    logger, module = CSVLogger(tmp_path, name="", version=""), Busy(direct=True)
    with pytest.warns(UserWarning, match="not bought at step"):
        fit(module, SDEMonitor(budget=None), logger=logger)

    with (tmp_path / "metrics.csv").open() as file:
        rows = [row["step"] for row in csv.DictReader(file) if row["direct"]]
    assert rows == [str(k) for k in range(1, 21)]


class NetTested(Net):
    """A network that can be tested."""

    def test_step(self, batch, index):
        """Nothing."""


def test_a_second_fit_goes_on_and_one_of_another_module_begins_anew(tmp_path):
    sink = CsvSink(tmp_path / "log.csv")
    callback, module = SDEMonitor(budget=None, sinks=[sink]), Net()
    ran = fit(module, callback, max_epochs=1)
    earlier = callback.monitor
    ran.fit_loop.max_epochs = 2
    ran.fit(module, loader())

    steps = [m.step for m in callback.monitor.history]
    assert callback.monitor is not earlier
    assert (callback.monitor.step, ran.global_step) == (20, 20)
    assert steps == [*range(1, 10), *range(11, 20)]
    with (tmp_path / "log.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == steps

    fit(Net(), callback, max_epochs=1)
    assert [m.step for m in callback.monitor.history] == list(range(1, 10))


@pytest.mark.parametrize("at", [4, 5])
def test_a_fit_that_fails_or_is_interrupted_leaves_nothing_attached(at):
    callback, module = SDEMonitor(budget=None), Net(fails=at)
    with pytest.raises((ZeroDivisionError, SystemExit)):
        fit(module, callback)

    assert [m.step for m in callback.monitor.history] == list(range(1, at))
    assert not any(p._backward_hooks or p._post_accumulate_grad_hooks for p in module.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert not module.trainer.optimizers[0]._optimizer_step_pre_hooks


def test_loggers_other_callbacks_and_the_progress_bar_get_what_is_read(tmp_path):
    saved = ModelCheckpoint(tmp_path, monitor="sdesim/C_alpha", mode="max", save_on_train_epoch_end=True)
    logger = CSVLogger(tmp_path, name="", version="")
    callback = SDEMonitor(budget=None)
    ran = fit(Net(), callback, saved, logger=logger, enable_checkpointing=True)

    history = callback.monitor.history
    with (tmp_path / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["sdesim/C_alpha"]]
    assert [int(row["step"]) for row in rows] == [m.step for m in history]
    # Bounds that are not finite are left out.
    high = [float(row["sdesim/C_alpha_high"] or math.nan) for row in rows]
    known = [m.C_alpha.high if math.isfinite(m.C_alpha.high) else math.nan for m in history]
    assert high == pytest.approx(known, nan_ok=True)
    # At the ends of both epochs, when the last step but one of each was told.
    ends = [next(m.C_alpha.value for m in history if m.step == step) for step in (8, 18)]
    assert float(saved.best_model_score) == pytest.approx(max(ends))
    assert ran.progress_bar_metrics["sdesim/C"] == history[-1].C_alpha.value
    assert "loss" in ran.progress_bar_metrics

    both = SDEMonitor(budget=None)
    ran = fit(Gan(), both, max_epochs=1)
    for name, monitor in zip(both.names, both.monitors, strict=True):
        found = float(ran.callback_metrics[f"sdesim/{name}/C_alpha"])
        assert found == pytest.approx(monitor.history[-1].C_alpha.value)


def test_what_is_not_to_be_watched_is_told_and_the_training_goes_on():
    class Untrained(Net):
        def configure_optimizers(self):
            return None

    with pytest.warns(UserWarning, match="SDEMonitor: the training is not watched: watch: optimizer: found"):
        fit(Untrained(), SDEMonitor(), max_epochs=1)
    with pytest.warns(UserWarning, match="sinks: found a list for 2 optimizers, allowed: a mapping of gen"):
        fit(Gan(), SDEMonitor(sinks=["a.csv"]), max_steps=3)
    for keywords, line in (
        ({"budge": 1}, "SDEMonitor: found budge, allowed: loss, "),
        ({"budget": 2}, "found 2"),
    ):
        with pytest.raises(RunError, match=line):
            SDEMonitor(**keywords)
    with pytest.raises(RunError, match=r"found 0 optimizers that are watched, allowed: one; take \.monitors"):
        _ = SDEMonitor().monitor


def test_it_is_a_callback_of_lightning_under_its_own_name_that_can_be_sent():
    callback = pickle.loads(pickle.dumps(SDEMonitor(window=10)))

    assert isinstance(callback, pl.Callback)
    assert isinstance(callback, SDEMonitor)
    assert callback.state_key == "SDEMonitor"
    assert copy.deepcopy(callback)._keywords == {"window": 10}


def test_a_stepped_monitor_counts_the_steps_of_this_fit_and_of_one_optimizer(tmp_path):
    def monitored(module):
        return Monitor(
            module,
            LOSS,
            examples(),
            learning_rate=0.1,
            every=1000,
            curvature_every=0,
            announce=None,
            batch_size=12,
        )

    module = Net()
    fit(module, max_epochs=1).save_checkpoint(tmp_path / "one.ckpt")
    monitor = monitored(module.net)
    fit(module, lightning_monitor(monitor), path=tmp_path / "one.ckpt", accumulate_grad_batches=2)
    assert monitor._step == 5

    gan = Gan()
    monitor = monitored(gan.judge)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(gan, lightning_monitor(monitor), max_epochs=1)
    assert monitor._step == 10
