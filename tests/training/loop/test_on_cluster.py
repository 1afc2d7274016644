"""Seeds trained on a cluster have the bits of those of one process, and none that is finished is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

import sdesim
from sdesim.errors import RunError
from sdesim.training import record
from sdesim.training.loop import on_cluster
from sdesim.training.loop.finished_seeds import FinishedSeeds
from tests.engine.cluster.clustered import assert_same, local

pytest.importorskip("distributed")


class Counting(nn.Module):
    """A loss that keeps a state, of which each seed begins with the first."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, output, y):
        if self.training and torch.is_grad_enabled():
            self.calls += 1
        return (1 + 0.01 * self.calls) * ((output - y) ** 2).mean()


@pytest.fixture(scope="module")
def client():
    with local() as found:
        yield found


def train(loss_fn=nn.functional.mse_loss, widths=(3, 4, 1), **further):
    torch.manual_seed(0)
    x = torch.randn(24, widths[0])
    layers = [nn.Linear(widths[0], widths[1]), nn.Tanh(), nn.Dropout(0.2), nn.Linear(widths[1], 1)]
    arguments = {
        "steps": 12, "batch_size": 4, "seed": 3, "trajectories": 3, "init": "fresh", "progress": False,
        "save_every": 4,
    }  # fmt: skip
    return record(
        nn.Sequential(*layers), loss_fn, (x, x.sum(1, keepdim=True).sin()), None,
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9), **(arguments | further),
    )  # fmt: skip


def shown(run):
    """Attributes that are not of the clock."""
    clocks = ("wall_time", "training_seconds", "probe_seconds", "probe_share", "progress_seconds")
    return {name: str(value) for name, value in run.attrs.items() if name not in clocks}


@pytest.mark.parametrize("loss_fn", [nn.functional.mse_loss, Counting()])
def test_seeds_of_a_cluster_have_the_bits_of_one_process(client, loss_fn):
    probes = sdesim.Probes(every=6, samples=4)

    found = train(loss_fn, cluster=client, probes=probes)

    single = train(loss_fn, probes=probes)
    assert_same(found, single)
    assert shown(found) == shown(single)


def test_groups_of_seeds_travel_whole(client):
    def plain(**further):
        torch.manual_seed(0)
        x = torch.randn(24, 3)
        return record(
            nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), nn.functional.mse_loss,
            (x, x.sum(1, keepdim=True)), None, lambda p: torch.optim.SGD(p, lr=0.05), steps=6, batch_size=4,
            trajectories=11, init="fresh", progress=False, **further,
        )  # fmt: skip

    found = plain(cluster=client)

    assert found.attrs["seeds_at_once"] == 8
    assert_same(found, plain())


def test_a_lost_scheduler_costs_the_seeds_that_were_not_finished(client, tmp_path, monkeypatch):
    out, sent = tmp_path / "run.zarr", []
    kept = FinishedSeeds.save

    def save(self, trajectory, values):
        if sent:
            raise RunError("the Dask scheduler at tcp://127.0.0.1:1 was lost")
        sent.append(trajectory)
        kept(self, trajectory, values)

    monkeypatch.setattr(FinishedSeeds, "save", save)
    with pytest.raises(RunError, match=r"was lost; .*run\.zarr keeps its finished seeds, and resume=True"):
        train(cluster=client, out=out)
    monkeypatch.setattr(
        FinishedSeeds, "save", lambda self, k, values: (sent.append(k), kept(self, k, values))
    )

    # What is left is trained on the cluster, or in one process.
    found = train(cluster=client, out=out, resume=True)

    assert sorted(sent) == [0, 1, 2]
    assert_same(found.load(), train())


def test_a_seed_that_nobody_waits_for_leaves_the_generators_alone(client, monkeypatch):
    class GoneError(Exception):
        pass

    def gone(done, total):
        if done:
            raise GoneError

    with pytest.raises(GoneError):
        train(cluster=client, progress=gone, steps=3000, save_every=3000)
    torch.manual_seed(0)
    drawn = [torch.rand(1).item() for _ in range(20_000)]

    torch.manual_seed(0)
    assert drawn == [torch.rand(1).item() for _ in range(20_000)]


def test_trainings_of_two_threads_have_the_bits_of_one():
    torch.manual_seed(0)
    x = torch.randn(24, 3)

    def train(seed):
        layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
        with torch.no_grad():
            for number, value in enumerate(layers.parameters()):
                value.fill_(0.1 * number)
        return record(
            layers, nn.functional.mse_loss, (x, x.sum(1, keepdim=True)), None,
            lambda p: torch.optim.SGD(p, lr=0.05), steps=200, batch_size=4, seed=seed, progress=False,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(train, [1, 2]))

    for seed, run in zip([1, 2], found, strict=True):
        assert_same(run, train(seed))


def test_a_worker_of_other_versions_is_refused_in_one_line(client, monkeypatch):
    ours = on_cluster.versions()
    monkeypatch.setattr(on_cluster, "versions", lambda: (*ours[:-1], "torch 1.0"))
    job = on_cluster.Job(None, None, (), None, None, None, 1, {}, (*ours[:-1], "torch 0.9"))

    with pytest.raises(
        RunError, match=r"other code, which may give other bits: torch 1\.0 in place of torch 0"
    ):
        on_cluster.train_there(on_cluster.travelling(job, ()), 0, 1)


def test_what_cannot_travel_is_told_in_one_line(client):
    lock = threading.Lock()

    with pytest.raises(
        RunError, match=r"^cluster: what is to be run can't be sent to workers: TypeError: .*lock"
    ):
        train(lambda output, y: ((output - y) ** 2).mean() + 0 * lock.locked(), cluster=client)


def test_progress_is_told_of_all_and_of_each_worker(client):
    told, beside = [], []

    class Told:
        def __call__(self, done, total):
            told.append((done, total))

        def beside(self, label, done, total):
            beside.append((label.split(" of ")[0], done, total))

    train(cluster=client, progress=Told())

    assert told == [(0, 36), (12, 36), (24, 36), (36, 36)]
    assert {label for label, _, _ in beside} == {"seeds"}
    assert sum(done == 1 for _, done, _ in beside) in (1, 2)
