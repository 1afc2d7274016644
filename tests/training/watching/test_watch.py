"""Watching a training by hooks: what it reads is true, and the training is as it was."""

import copy
import functools
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

import sdesim
from sdesim.errors import RunError
from sdesim.training import watch
from sdesim.training.watching.readings import _FIELDS
from tests.training.watching.loops import LOSS, examples, network, train, truth

MOMENTUM = functools.partial(torch.optim.SGD, momentum=0.9)


def column(monitor, name):
    return [row[_FIELDS.index(name)] for row in monitor._readings._rows]


def four_steps(model, optimizer, x, y):
    """Of a model that gives a pair."""
    for _ in range(4):
        optimizer.zero_grad()
        LOSS(model(x)[0], y).backward()
        optimizer.step()


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (torch.optim.SGD, {}),
        (MOMENTUM, {"sizes": (8, 8), "middle": functools.partial(nn.Dropout, 0.3)}),
        (torch.optim.AdamW, {"sizes": (4, 12), "clip": 0.1}),
        (torch.optim.SGD, {"middle": functools.partial(nn.BatchNorm1d, 8)}),
    ],
)
@pytest.mark.filterwarnings("ignore:watch")
def test_weights_and_random_numbers_are_those_of_a_training_without(make, options):
    model, monitor = train(make, **options)
    drawn = torch.randint(2**60, ())
    alone, _ = train(make, watched=False, **options)

    assert same(model, alone)
    assert torch.equal(drawn, torch.randint(2**60, ()))
    assert monitor.step == 30
    assert monitor.history


@pytest.mark.parametrize(("sizes", "steps"), [((16,), 150), ((4, 4, 4, 4), 150), ((4, 12), 250)])
def test_signal_and_noise_are_those_of_the_step_s_batch(sizes, steps):
    # At a rate of nearly 0 all readings are of one weight. Five standard errors of each (6e-7).
    model, monitor = train(sizes=sizes, steps=steps, rate=1e-12, window=600)
    signal, noise = truth(model, 16)

    last = monitor.history[-1]
    rows = monitor._readings._rows
    for k, (found, true) in enumerate(((last.signal, signal), (last.noise, noise))):
        values = torch.tensor([row[3 + k] for row in rows], dtype=torch.float64)
        assert abs(found - true) < 5 * float(values.std()) / math.sqrt(len(rows))
        assert float(values.std()) / math.sqrt(len(rows)) < 0.25 * true
    assert last.batch_size == 16
    assert last.C_1.value == pytest.approx(last.C_alpha.value / 16)
    # Steps that short are lost in the rounding of the weights.
    assert last.flags == (*(("weights_by_examples",) if sizes == (4, 12) else ()), "step_rounded")


@pytest.mark.parametrize("make", [torch.optim.SGD, MOMENTUM])
def test_of_each_step_its_products_with_the_gradients_at_both_ends_are_read(make):
    gradients, weights = [], []

    def note(step, model):
        gradients.append(torch.cat([p.grad.double().reshape(-1) for p in model.parameters()]))
        weights.append(torch.cat([p.detach().double().reshape(-1) for p in model.parameters()]))

    _, monitor = train(make, steps=8, each=note)
    before, after = (column(monitor, name) for name in ("before", "after"))

    # The first step is made before anything is attached, the last has no successor.
    steps = [b - a for a, b in pairwise(weights[1:])]
    own, later = gradients[1:-1], gradients[2:]
    assert after == pytest.approx([float(u @ g) for u, g in zip(steps, later, strict=True)], rel=1e-6)
    noise = column(monitor, "noise")
    expected = [float(u @ g) + 0.1 * t for u, g, t in zip(steps, own, noise, strict=True)]
    assert before == pytest.approx(expected, rel=1e-5)


def test_steps_that_are_not_linear_in_the_gradient_have_no_phase_without_a_loader():
    for options in ({"make": torch.optim.Adam}, {"clip": 1e-3}):
        _, monitor = train(steps=5, **options)
        assert all(math.isnan(x) for x in column(monitor, "before"))
        assert monitor.history[-1].lyapunov_drift is None


def test_clipping_is_seen_and_what_is_read_is_of_before():
    free, cut = train(steps=3)[1], train(steps=3, clip=1e-3, rate=0.0)[1]
    still = train(steps=3, rate=0.0)[1]

    assert "clipped" in cut.history[0].flags
    assert "clipped" not in free.history[0].flags
    assert cut.history[0].signal == pytest.approx(still.history[0].signal, rel=1e-5)
    assert cut.history[0].C_star is None


def test_clipping_in_a_hook_that_comes_after_is_seen_too():
    x, y = examples()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)

    def clip(*_):
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)

    optimizer.register_step_pre_hook(clip)
    for _ in range(5):
        optimizer.zero_grad()
        LOSS(model(x), y).backward()
        optimizer.step()

    assert column(monitor, "clipped") == [1.0] * len(monitor.history)
    assert all(math.isnan(before) for before in column(monitor, "before"))


def test_a_scaler_s_scale_is_taken_out_and_its_skipped_steps_are_not_counted():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000)

    def overflow(step, model):
        if step == 3:
            model[0].weight.grad.fill_(math.inf)

    plain, scaled = train(steps=8)[1], train(steps=8, scaler=scaler, each=overflow)[1]

    assert scaled.step == 7
    # The first step is made before anything is attached, the last has no successor yet.
    assert [m.step for m in scaled.history] == [1, 2, 3, 4, 5]
    for k in (0, 1):
        assert scaled._readings._rows[k][3:5] == pytest.approx(plain._readings._rows[k][3:5], rel=1e-4)
    assert all(math.isfinite(m.signal) for m in scaled.history)


def test_between_readings_nothing_is_attached_and_the_budget_holds():
    model, monitor = train(steps=60, budget=1e-7)

    # The first reading is lent; no other one was paid for.
    assert len(monitor.history) == 1
    assert not monitor._reader.armed
    assert not any(p._backward_hooks for p in model.parameters())
    assert not any(part._forward_hooks for part in model.modules())


def test_what_is_lent_is_spread_over_the_first_steps(monkeypatch):
    # Ten seconds of reading are lent, and the time that passes pays for none.
    monkeypatch.setattr("sdesim.training.watching.watch.LENT", 1e7)
    _, monitor = train(steps=300, budget=1e-6)

    steps = [m.step for m in monitor.history]
    assert len(steps) > 5
    # Spread over the training, and not one after the other until nothing is left.
    assert all(b >= min(a + 1, 1.25 * a) for a, b in pairwise(steps))
    assert steps[-1] > 100


def test_a_fork_reads_and_writes_nothing_and_trains_on():
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)

    def step():
        optimizer.zero_grad()
        LOSS(model(x), y).backward()
        optimizer.step()

    step()
    monitor._hooks._elsewhere = True  # As it is after a fork.
    for _ in range(3):
        step()

    assert monitor.step == 1
    assert not monitor._reader.armed
    assert not any(part._forward_hooks for part in model.modules())


def test_a_model_is_copied_and_pickled_as_without_while_a_step_is_read(tmp_path):
    model, monitor = train(steps=2)
    assert monitor._reader.armed
    torch.save(model, tmp_path / "model.pt")
    copies = copy.deepcopy(model), torch.load(tmp_path / "model.pt", weights_only=False)
    x, y = examples()

    for other in copies:
        LOSS(other(x), y).backward()
        assert same(other, model)
    assert monitor._reader._backward.passes == 0
    assert monitor._reader._calls.batch is None


class Ascending(torch.optim.SGD):
    """Moves the weights before it has the gradient computed, as sharpness-aware steps do."""

    def step(self, closure):
        with torch.no_grad():
            for p in (p for group in self.param_groups for p in group["params"]):
                p.add_(1e-3)
        return super().step(closure)


@pytest.mark.filterwarnings("ignore:watch")
def test_a_gradient_that_a_closure_computes_is_read_at_the_weights_before_the_step():
    def closed(make, rate=0.1, watched=True):
        model, (x, y) = network(), examples()
        optimizer = make(model.parameters(), lr=rate)
        monitor = watch(model, optimizer, budget=None) if watched else None
        torch.manual_seed(1)
        for _ in range(5):
            rows = torch.randint(0, len(x), (16,))

            def closure(rows=rows):
                optimizer.zero_grad()
                loss = LOSS(model(x[rows]), y[rows])
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.2)
                return loss

            optimizer.step(closure)
        return model, monitor

    def sizes(monitor):
        return [row[3:5] for row in monitor._readings._rows]

    model, monitor = closed(torch.optim.SGD)
    assert sizes(monitor) == sizes(train(steps=5, clip=0.2)[1])
    assert "clipped" in monitor.history[0].flags
    assert same(model, closed(torch.optim.SGD, watched=False)[0])

    # Evaluated up to twenty times in a step, of which the first is read.
    still = closed(torch.optim.LBFGS, rate=0.0)[1]
    assert sizes(still) == sizes(train(steps=5, clip=0.2, rate=0.0)[1])
    model, monitor = closed(torch.optim.LBFGS)
    assert [m.step for m in monitor.history] == [1, 2, 3, 4]
    assert same(model, closed(torch.optim.LBFGS, watched=False)[0])

    moved = closed(Ascending)[1]
    # Its step makes one of its base's.
    assert moved.step == 5
    assert "weights were moved before the closure" in moved.reasons["step"]
    assert not moved._readings._rows


def test_layers_that_are_thawed_are_read_from_then_on():
    model, (x, y) = network(), examples()
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    monitor = watch(model, optimizer, budget=None)
    for step in range(8):
        if step == 4:
            model[0].requires_grad_(True)
            thawed = watch(model, optimizer, budget=None)
        optimizer.zero_grad()
        LOSS(model(x[:16]), y[:16]).backward()
        if step == 4:
            with pytest.warns(UserWarning, match="trains other parameters than when the step began"):
                optimizer.step()
        else:
            optimizer.step()

    before, after = monitor._readings._rows[0], monitor._readings._rows[-1]
    assert after[3:5] == pytest.approx(thawed._readings._rows[-1][3:5])
    assert after[3] + after[4] > 1.1 * (before[3] + before[4])
    assert "parameters_changed" in monitor.history[-1].flags
    assert "parameters_changed" not in monitor.history[0].flags


def test_a_gradient_of_the_step_s_own_batch_is_none_of_the_next_step():
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)
    for step in range(9):
        # A trainer tells of a batch, on which two steps are made.
        if step % 2 == 0:
            rows = torch.arange(16) + 6 * step
            monitor.batch(16)
        optimizer.zero_grad()
        LOSS(model(x[rows]), y[rows]).backward()
        optimizer.step()

    kept = {row[0]: row[8] for row in monitor._readings._rows}
    assert [step for step, after in kept.items() if math.isfinite(after)] == [1, 3, 5, 7]
    assert list(kept) == list(range(1, 8))


def test_what_can_t_be_read_is_told_once_and_training_goes_on():
    with pytest.warns(UserWarning, match=r"watch: examples not read at step 2: .*examples meet in 1"):
        _, monitor = train(middle=functools.partial(nn.BatchNorm1d, 8), steps=20)

    assert [m.flags for m in monitor.history] == [("examples_failed",)]
    assert "examples meet in 1" in monitor.reasons["examples"]
    with pytest.raises(RunError, match=r"nothing was read yet: examples: .*examples meet"):
        monitor.run()


def test_two_backward_passes_over_one_batch_are_no_two_batches():
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)

    def loop():
        for _ in range(4):
            optimizer.zero_grad()
            output = model(x)
            LOSS(output, y).backward(retain_graph=True)
            (1e-3 * output.square().sum()).backward()
            optimizer.step()

    with pytest.warns(UserWarning, match="2 backward passes over 1 batches"):
        loop()
    assert not monitor._readings._rows


@pytest.mark.filterwarnings("ignore:watch. examples")
def test_gradients_that_are_never_cleared_are_not_read():
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    monitor = watch(model, optimizer, budget=None)

    def loop():
        for _ in range(3):
            LOSS(model(x), y).backward()
            optimizer.step()

    with pytest.warns(UserWarning, match="gradients of an earlier step were left in place"):
        loop()
    assert not monitor._readings._rows


def test_a_state_goes_on_where_it_was(tmp_path):
    _, first = train(steps=12)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    model = network()
    later = watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    later.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))

    assert later.step == 12
    # And the step that waited for its next gradient, which nobody will see.
    assert [m.step for m in later.history] == [*(m.step for m in first.history), 11]
    assert later.history[-2].C_alpha == first.history[-1].C_alpha
    assert later.cost["seconds"] == first.state_dict()["spent"]


@pytest.mark.parametrize("make", [MOMENTUM, torch.optim.Adam])
def test_its_run_says_at_each_reading_what_the_watch_said(make, tmp_path):
    _, monitor = train(make, sizes=(4, 4, 4, 4), steps=60, window=20)

    run = monitor.run(tmp_path / "run")
    measured = sdesim.measure(run)

    assert run.attrs["batch_size"] == 16
    assert measured.sizes["probe"] == len(monitor.history) > 50
    for k in (0, 5, 40, -1):
        told, here = monitor.history[k], measured.isel(trajectory=0, probe=k)
        for name in ("C_alpha", "C_1", "p", "critical_batch", "C_star", "lyapunov_drift"):
            for part in ("", "_low", "_high"):
                found = told.estimates.get(name)
                expected = math.nan if found is None else getattr(found, part[1:] or "value")
                assert float(here[name + part]) == pytest.approx(expected, rel=1e-6, nan_ok=True)
        for name, c in told.groups.items():
            assert float(here["C_group"].sel(group=name)) == pytest.approx(c.value, rel=1e-6)
        assert str(here["phase"].values) == told.phase
        assert str(here["phase_method"].values) == told.phase_method
    assert (monitor.history[-1].lyapunov_drift is None) == (make is torch.optim.Adam)
    smooth = sdesim.measure(run, smooth=True).isel(trajectory=0, probe=-1)
    if make is MOMENTUM:
        assert float(smooth["C_alpha_smooth_low"]) < float(smooth["C_alpha_smooth_high"])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"optimizer": torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)},
            "2 parameters that are not the",
        ),
        ({"optimizer": 3}, "optimizer: found int, allowed: one of torch"),
        ({"budget": 1.5}, "budget: found 1.5"),
        ({"loss": LOSS}, "loss and loader go together"),
        ({"window": 1}, "window must be at least 3, got 1"),
    ],
)
def test_bad_input_is_refused_before_a_training_starts(change, line):
    model = network()
    given = {"optimizer": torch.optim.SGD(model.parameters(), lr=0.1)} | change
    with pytest.raises(RunError, match=line) as told:
        watch(model, **given)
    assert "\n" not in str(told.value)


def test_closing_twice_detaches_once():
    model, monitor = train(steps=2)
    monitor.close()
    monitor.close()

    assert not monitor._optimizer._optimizer_step_pre_hooks
    assert not any(p._backward_hooks for p in model.parameters())


@pytest.mark.parametrize("sizes", [(16,), (4, 12)])
def test_layers_add_up_to_the_step(sizes):
    reads = []
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)
    keep = monitor._readings.add
    monitor._readings.add = lambda *given: (reads.append(given[0].read), keep(*given))[1]
    for _ in range(3):
        optimizer.zero_grad()
        for part in x[:16].split(sizes):
            (LOSS(model(part), y[: len(part)]) * len(part) / 16).backward()
        optimizer.step()

    assert set(reads[0].groups) == {"0", "2"}
    for k, whole in enumerate((reads[0].whole, reads[0].squares)):
        assert sum(pair[k] for pair in reads[0].groups.values()) == pytest.approx(whole, rel=1e-6)
        assert all(pair[k] > 0 for pair in reads[0].groups.values())


def test_a_compiled_model_is_one_model_and_a_sink_may_come_later(tmp_path):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled, (x, y) = torch.compile(model, backend="eager"), examples()
    monitor = watch(compiled, optimizer, budget=None)
    monitor.add_sink(sdesim.training.CsvSink(tmp_path / "log.csv"))
    for _ in range(4):
        optimizer.zero_grad()
        for rows in (slice(0, 8), slice(8, 16)):
            (LOSS(compiled(x[rows]), y[rows]) / 2).backward()
        optimizer.step()
    monitor.close()

    assert monitor.history[-1].batch_size == 16
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + len(monitor.history)


def steps_of(closure, named=False):
    """Rows read of four steps, whose gradient a closure makes or does not."""
    model, (x, y) = network(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)

    def loss():
        optimizer.zero_grad()
        value = LOSS(model(x[:16]), y[:16])
        value.backward()
        return value

    for _ in range(4):
        if not closure:
            loss()
        given = {"closure": loss} if closure and named else {}
        optimizer.step(*([loss] if closure and not named else []), **given)
    assert not monitor.reasons
    return monitor._readings._rows


def test_a_gradient_that_the_step_s_closure_makes_is_read():
    expected = steps_of(False)

    assert len(expected) == 2
    assert steps_of(True) == steps_of(True, named=True) == expected


class Through(torch.autograd.Function):
    """Two tensors as they are; gradients that nobody needs are None."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.set_materialize_grads(False)
        return x.clone(), y.clone()

    @staticmethod
    def backward(ctx, g, h):
        return g, h


@pytest.mark.parametrize("place", ["output", "parameter"])
def test_gradients_that_are_none_end_no_training(place):
    # As of data-parallel wrappers, whose outputs pass one function.
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.other = nn.Linear(6, 2), nn.Parameter(torch.ones(2))

        def forward(self, x):
            out = self.layer(x)
            return Through.apply(out, 2 * out if place == "output" else self.other)

    model, (x, y) = Net(), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)
    four_steps(model, optimizer, x, y)

    assert monitor.reasons == {}
    assert len(monitor.history) == 2


@pytest.mark.filterwarnings("ignore:watch. examples")
def test_a_layer_that_gives_more_than_a_tensor_ends_no_training():
    class Pair(nn.Linear):
        def forward(self, x):
            return super().forward(x), None

    model, (x, y) = Pair(6, 2), examples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None)
    four_steps(model, optimizer, x, y)

    # What its layer does not tell, halves of the batch do.
    assert len(monitor.history) >= 2
    assert monitor.history[-1].C_alpha is not None
