"""What writes: every verb of the command line that does, and every function of Python."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.kills import scenarios

SCENARIOS = {
    "simulation": scenarios.simulation(20_000, 10),
    "training": scenarios.training(100, 20, "{every: 50, samples: 16}"),
    "sweep": scenarios.sweep(5_000, 50, "[0.1, 0.2, 0.4]"),
}
_SIMULATE = """\
import sdesim
sdesim.simulate(
    sdesim.surfaces.DoubleWell(barrier=0.25), sdesim.noise.Gaussian(diffusion=0.05), dt=0.01, steps=20_000,
    trajectories=16, save_every=10, seed=7, threads=1, progress=False, out="out/run.zarr", resume=True,
    {cluster}
)
"""
_RECORD = """\
import torch
import sdesim
torch.manual_seed(1)
x = torch.randn(64, 5)
sdesim.training.record(
    torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)),
    lambda out, y: (out - y).square().mean(), (x, x.sum(dim=1, keepdim=True)),
    optimizer=lambda p: torch.optim.SGD(p, lr=0.05), steps=200, batch_size=8, trajectories=2, save_every=20,
    probes=sdesim.Probes(every=50, samples=16), out="out/run.zarr", resume=True, progress=False, {more}
)
"""
_WATCHED = """\
import torch
import sdesim
torch.manual_seed(1)
x = torch.randn(64, 5)
y = x.sum(dim=1, keepdim=True)
model = torch.nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
loss = lambda out, y: (out - y).square().mean()
monitor = sdesim.training.Monitor(model, loss, (x, y), optimizer=optimizer, batch_size=8, every=10,
                                  announce=None, sinks=[{sink}])
for step in range(100):
    optimizer.zero_grad()
    loss(model(x[:8]), y[:8]).backward()
    optimizer.step()
    monitor.step()
monitor.close()
print([round(float(w), 6) for w in model.weight[0].detach()])
"""


@dataclass(frozen=True)
class Work:
    """What writes into ``out`` of the working directory.

    Attributes:
        begin: arguments of the command line, or the text of a program. resume: what goes on with it; None:
            the same again.
        ready: a work whose finished folder is there first. half: whether it is interrupted.
        goes_on: whether a fault costs what would have been written, but not the work (a training that is
            watched).
    """

    begin: tuple[str, ...] | str
    resume: tuple[str, ...] | str | None = None
    ready: str = ""
    half: bool = False
    goes_on: bool = False


def _run(name: str) -> tuple[str, ...]:
    return ("run", f"../{name}.yaml", "--out", "out", "--threads", "1", "--quiet")


_GO_ON = ("resume", "out", "--threads", "1", "--quiet")
_SWEPT = ("sweep", "../sweep.yaml", "--out", "out", "--workers", "2", "--quiet")
_ONE = ("sweep", "../sweep.yaml", "--out", "out", "--quiet")
WORKS = {
    "run (simulation)": Work(_run("simulation"), _GO_ON),
    "run (training)": Work(_run("training"), _GO_ON),
    "run --cluster": Work((*_run("simulation"), "--cluster", "2"), (*_GO_ON, "--cluster", "2")),
    "resume (simulation)": Work(_GO_ON, _GO_ON, ready="run (simulation)", half=True),
    "resume (training)": Work(_GO_ON, _GO_ON, ready="run (training)", half=True),
    "sweep": Work(_ONE, (*_ONE, "--resume")),
    "sweep --workers 2": Work(_SWEPT, (*_SWEPT, "--resume")),
    "report": Work(("report", "out"), ready="run (simulation)"),
    "report (sweep)": Work(("report", "out"), ready="sweep"),
    "rerun": Work(("rerun", "out", "--out", "out/../again", "--threads", "1", "--quiet"),
                  ready="run (simulation)"),
    "new": Work(("new", "mine", "--quiet")),
    "claims": Work(("claims", "C29", "--quick", "--out", "out", "--quiet"),
                   ("claims", "C29", "--quick", "--out", "out", "--quiet", "--resume")),
    "calibrate": Work(("calibrate", "tail_index", "--quick", "--out", "out", "--quiet", "--processes", "1")),
    "bench": Work(("bench", "--quick", "--only", "A", "--no-peers", "--out", "out", "--quiet")),
    "simulate(out=)": Work(_SIMULATE.replace("{cluster}", "")),
    "simulate(out=, cluster=2)": Work(_SIMULATE.replace("{cluster}", "cluster=2,")),
    "record(out=)": Work(_RECORD.replace("{more}", "")),
    "Monitor(sinks=folder)": Work(_WATCHED.replace("{sink}", "'out'"), goes_on=True),
    "Monitor(sinks=csv)": Work(_WATCHED.replace("{sink}", "sdesim.sinks.Csv('out/a.csv')"), goes_on=True),
    "Monitor(sinks=json-lines)": Work(
        _WATCHED.replace("{sink}", "sdesim.sinks.JsonLines('out/a.jsonl')"), goes_on=True
    ),
}  # fmt: skip
