"""Memory, disk and time of some runs as they are told beforehand, and as they were.

Each run is a process of its own, on one thread, in which a run of the same arms with small sizes has gone
before, so that all is loaded and compiled. Its memory is the largest that it held beyond what was held then
(Linux); its disk what its directory holds at the end, without checkpoints; both times are of the processor,
which other work on the machine does not make longer.

    python -m analysis.sizes
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_SIMULATED = """\
name: sized
seed: 1
arms:
  a:
    simulate:
      surface: {surface}
      noise: [{{kind: gaussian, diffusion: 0.1}}]
      dt: 1e-3
      steps: {steps}
      trajectories: {trajectories}
"""
_TRAINED = """\
name: sized
seed: 1
arms:
  a:
    train:
      data: {{kind: teacher-student, train: {examples}, test: 0, features: 50}}
      network: {{kind: mlp, widths: [50, {width}, 1]}}
      loss: mse
      optimizer: {{kind: adam, lr: 1e-3, batch_size: 32}}
      steps: {steps}
"""
_PROBED = """\
name: sized
seed: 1
probes: {{every: {every}, samples: 32}}
arms:
  real:
    train:
      data: {{kind: teacher-student, train: {examples}, test: 0, features: 20}}
      network: {{kind: mlp, widths: [20, {width}, 1]}}
      loss: mse
      optimizer: {{kind: sgd, lr: 0.05, batch_size: 32}}
      steps: {steps}
      trajectories: {trajectories}
  twin:
    simulate:
      twin_of: real
      noise: [{{kind: minibatch}}]
"""
# Name, text, its sizes, and the small sizes of the run that goes before.
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("double well, 20,000 trajectories, 1,001 points", _SIMULATED,
     {"surface": "{kind: double-well}", "steps": 2000, "trajectories": 20_000},
     {"steps": 2, "trajectories": 2}),
    ("flat, 1,000 coordinates, 500 trajectories, 101 points", _SIMULATED,
     {"surface": "{kind: flat, dim: 1000}", "steps": 100, "trajectories": 500},
     {"steps": 2, "trajectories": 2}),
    ("double well, one trajectory, 5 million steps", _SIMULATED,
     {"surface": "{kind: double-well}", "steps": 5_000_000, "trajectories": 1}, {"steps": 2}),
    ("network, 52,001 parameters, 100 steps", _TRAINED,
     {"examples": 2000, "width": 1000, "steps": 100}, {"examples": 64, "width": 1, "steps": 2}),
    ("network, 2 seeds, 11 readings, and its twin", _PROBED,
     {"examples": 200, "width": 20, "steps": 300, "trajectories": 2, "every": 30},
     {"steps": 4, "every": 4}),
]  # fmt: skip


def ran(text: str, small: str) -> tuple[float, float, float]:
    """Bytes of memory and disk, and seconds, of a run in this process, after a small one."""
    with tempfile.TemporaryDirectory() as folder:
        _run(small, Path(folder) / "small")
        # The mark of the largest memory is set back.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        held, started = _kilobytes("VmRSS:"), time.process_time()
        _run(text, Path(folder) / "x")
        spent = time.process_time() - started
        files = (Path(folder) / "x").rglob("*")
        disk = sum(file.stat().st_size for file in files if file.is_file())
    return 1024.0 * (_kilobytes("VmHWM:") - held), float(disk), spent


def _run(text: str, out: Path) -> None:
    from sdesim.scenario import parse_scenario, run_scenario

    run_scenario(parse_scenario(text), out, threads=1, progress=False)


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _apart(text: str, small: str) -> tuple[float, float, float]:
    """`ran` in a process of its own."""
    command = [sys.executable, "-m", "analysis.sizes", "--one"]
    given = json.dumps([text, small])
    found = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    memory, disk, spent = json.loads(found.stdout.splitlines()[-1])
    return memory, disk, spent


def main() -> None:
    """Print the table in Markdown."""
    from sdesim.runs.needs import shown
    from sdesim.scenario import parse_scenario
    from sdesim.scenario.estimate import estimate, spent

    print("| run | memory: told | was | disk: told | was | time: told | was |\n|---|---|---|---|---|---|---|")
    for name, text, sizes, small in CASES:
        whole = text.format(**sizes)
        told = estimate(parse_scenario(whole), timed=True, threads=1, clock=time.process_time)
        memory, disk, seconds = _apart(whole, text.format(**{**sizes, **small}))
        assert told.seconds is not None
        assert not told.untimed
        cells = [name, shown(told.memory), shown(memory), shown(told.disk), shown(disk)]
        print(f"| {' | '.join([*cells, spent(sum(told.seconds.values())), spent(seconds)])} |", flush=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(ran(*json.loads(sys.stdin.read()))))
    else:
        main()
