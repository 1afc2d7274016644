"""What a shop sells: one thing at a time, as its purse affords, of a training that is as it was."""

import functools

import pytest
import torch
from torch import nn

import sdesim
from sdesim.errors import RunError
from sdesim.training import watch
from sdesim.training.watching.shop import Shop
from tests.training.watching.loops import LOSS, examples, network, train

ADAM = torch.optim.AdamW


def loader(size=16, data=None):
    data = torch.utils.data.TensorDataset(*examples()) if data is None else data
    return torch.utils.data.DataLoader(data, batch_size=size, shuffle=True)


def same(one, other):
    return all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def bought(monitor):
    return [m for m in monitor.history if {"progress", "edge_ratio", "tail_index"} & set(m.estimates)]


def sold(make, *, steps=130, middle=nn.Tanh, shops=True, model=None, **options):
    """A network that is trained beside a shop alone, and the shop."""
    x, y = examples()
    model = network(middle) if model is None else model()
    optimizer = make(model.parameters(), lr=0.05)
    shop = Shop(model, optimizer, **options) if shops else None
    torch.manual_seed(1)
    for step in range(steps):
        optimizer.zero_grad()
        rows = torch.randint(0, len(x), (16,))
        output = model(x[rows], labels=y[rows])["loss"] if model_answers(model) else model(x[rows])
        (output if model_answers(model) else LOSS(output, y[rows])).backward()
        if shop is not None:
            shop.before(step, 0.05 * step)
        optimizer.step()
        if shop is not None:
            shop.after(step + 1, 0.05 * (step + 1), float(step))
    return model, shop


def model_answers(model):
    return isinstance(model, Answering)


def names(shop):
    return {name for m in shop.measurements for name in m.estimates}


@pytest.mark.parametrize(
    ("make", "middle"),
    [
        (torch.optim.SGD, nn.Tanh),
        (ADAM, functools.partial(nn.Dropout, 0.3)),
        (functools.partial(torch.optim.SGD, momentum=0.9), functools.partial(nn.BatchNorm1d, 8)),
    ],
)
def test_weights_buffers_and_random_numbers_are_those_of_a_training_without(make, middle):
    model, shop = sold(make, middle=middle, loss=LOSS, loader=loader(), heldout=loader())
    drawn = torch.randint(2**60, ())
    alone, _ = sold(make, middle=middle, shops=False)

    assert same(model, alone)
    assert torch.equal(drawn, torch.randint(2**60, ()))
    assert shop.reasons == {}
    assert {
        "progress", "progress_heldout", "edge_ratio", "S", "gradient_agreement", "tail_index"
    } <= names(shop)  # fmt: skip


def test_two_trainings_alike_buy_alike():
    one, other = (sold(ADAM, loss=LOSS, loader=loader(), heldout=loader())[1].measurements for _ in range(2))
    assert [m.estimates for m in one] == [m.estimates for m in other]
    # The first of progress and of the critical batch tell nothing yet.
    assert [m.step for m in one] == [32, 48, 64, 96, 112, 128]


def test_what_was_bought_goes_on_from_a_state():
    given = {"loss": LOSS, "loader": loader(), "heldout": loader()}
    _, one = train(steps=70, **given)
    model = network()
    later = watch(model, torch.optim.SGD(model.parameters(), lr=0.1), **given)
    later.load_state_dict(one.state_dict())
    # The step that waits for the next one's gradient is told where nothing else comes.
    one.close()

    kept, again = bought(one), bought(later)
    assert len(later.history) == len(one.history)
    assert [m.step for m in again] == [m.step for m in kept]
    for name, e in kept[-1].estimates.items():
        found = again[-1].estimates[name]
        assert (found.value, found.low, found.high, found.flags) == (e.value, e.low, e.high, e.flags)
    assert later._shop.spent == one._shop.spent


def test_a_run_measures_what_was_bought_as_the_monitor_does():
    _, monitor = train(steps=260, loss=LOSS, loader=loader(), heldout=loader())
    measured = sdesim.measure(monitor.run())
    probe_step = measured["probe_step"].values.tolist()

    names = {"progress", "progress_heldout", "lambda_max", "edge_ratio", "S", "critical_batch_hessian"}
    seen = set()
    for m in monitor._shop.measurements:
        for name in names & set(m.estimates):
            e, at = m.estimates[name], probe_step.index(m.step)
            found = [float(measured[f"{name}{side}"][0, at]) for side in ("", "_low", "_high")]
            assert found == pytest.approx([e.value, e.low, e.high], rel=1e-6, nan_ok=True), name
            seen.add(name)
    assert seen == names


class Answering(nn.Module):
    """A network that returns its loss, as those of transformers do."""

    def __init__(self):
        super().__init__()
        self.net = network(functools.partial(nn.Dropout, 0.2))

    def forward(self, x, labels=None):
        output = self.net(x)
        return {"logits": output} if labels is None else {"loss": LOSS(output, labels), "logits": output}


def test_a_network_that_returns_its_loss_needs_no_loader():
    data = [{"x": x, "labels": y} for x, y in zip(*examples(), strict=True)]
    held = torch.utils.data.DataLoader(data, batch_size=16)
    model, shop = sold(ADAM, steps=150, model=Answering, heldout=held)
    alone, _ = sold(ADAM, steps=150, model=Answering, shops=False)

    assert same(model, alone)
    assert shop.reasons == {}
    assert {m.progress.method for m in shop.measurements if m.progress} == {"unseen-batch"}
    # Held-out batches are dicts, as its loader collates them.
    assert {"progress", "progress_heldout", "edge_ratio", "gradient_agreement"} <= names(shop)
    assert "tail_index" not in names(shop)
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    # Nothing else is bought while the weights of a window's beginning are held.
    at = [m.step for m in shop.measurements if m.progress is not None]
    others = {m.step for m in shop.measurements if m.progress is None}
    assert all(not others & set(range(step - 63, step)) for step in at)


def test_batches_that_are_no_pairs_go_through_an_objective():
    data = [{"x": x, "labels": y, "weight": torch.tensor(2.0)} for x, y in zip(*examples(), strict=True)]
    rows = torch.utils.data.DataLoader(data, batch_size=16)

    def objective(module, batch):
        return module(batch["x"], batch["labels"])["loss"]

    _, shop = sold(ADAM, steps=80, model=Answering, loader=rows, objective=objective)

    assert {"progress", "edge_ratio", "tail_index"} <= names(shop)
    assert {m.progress.method for m in shop.measurements if m.progress} == {"steps"}
    assert shop.reasons == {}


def test_an_ordinary_network_without_a_loader_buys_nothing_and_says_nothing():
    _, monitor = train(steps=40)
    assert not monitor._shop.open
    assert monitor._shop.spent == 0.0
    assert monitor.reasons == {}


def test_the_budget_is_kept_and_shared():
    _, monitor = train(steps=60, budget=1e-6, loss=LOSS, loader=loader())

    assert not bought(monitor)
    assert monitor._purse.share == 5e-7
    assert monitor._shop.spent == 0.0


def test_what_has_had_least_for_its_weight_is_next():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    shop = Shop(model, optimizer, loss=LOSS, loader=loader(), heldout=loader(), budget=0.01)
    prices = {"progress": 1.0, "agreement": 2.0, "edge": 12.0, "tails": 4.0, "critical_batch": 3.0}
    chosen = []
    for _ in range(60):
        for good in shop._goods:
            shop._rates[good.name] = prices[good.name] / good.work()
        good = min(shop._goods, key=shop._burden)
        shop._spent[good.name] += prices[good.name]
        chosen.append(good.name)

    # Seconds are shared out 3 : 2 : 4 : 1 : 2, to within one purchase of each.
    assert chosen[:2] == ["progress", "progress"]
    loads = {g.name: shop._spent[g.name] / g.weight for g in shop._goods}
    assert max(loads.values()) - min(loads.values()) <= 4.0
    assert {g.name: chosen.count(g.name) for g in shop._goods}["edge"] < chosen.count("progress")


def test_what_fails_is_told_once_tried_more_sparsely_and_never_ends_a_training():
    def fails(output, y):
        raise ValueError("no such loss")

    with pytest.warns(UserWarning, match="not bought at step") as told:
        _, shop = sold(torch.optim.SGD, steps=400, loss=fails, loader=loader())

    assert [str(w.message).split(" not")[0] for w in told] == [
        "watch: progress",
        "watch: edge",
        "watch: tails",
        "watch: critical_batch",
    ]
    assert shop.reasons["progress"] == "ValueError: no such loss"
    assert next(m.flags for m in shop.measurements) == ("progress_failed",)
    # Of 25 offers: after each failure in a row it waits twice as long.
    assert shop._visits["progress"] <= 6


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"loss": LOSS}, "loss and loader go together"),
        ({"objective": print, "heldout": [1]}, "loss and loader go together"),
        ({"loss": LOSS, "objective": print, "loader": examples()}, "objective= takes the place of loss_fn"),
        ({"loss": LOSS, "loader": iter([])}, "loader must be a DataLoader"),
        ({"loss": LOSS, "loader": examples(), "heldout": "path"}, "heldout is a path"),
    ],
)
def test_bad_input_is_refused_before_a_training_starts(given, line):
    model = network()
    with pytest.raises(RunError, match=line) as told:
        watch(model, torch.optim.SGD(model.parameters(), lr=0.1), **given)
    assert "\n" not in str(told.value)
