"""Memory, disk and time of some runs as they are told beforehand, and as they were.

Each run is a process of its own. Its memory is the largest that it held beyond what a run of the same arm
with two steps and two trajectories holds (Python, libraries, compiled functions); its disk what its directory
holds at the end, without checkpoints; its time without what that small run took (compiling).

    python -m analysis.sizes
"""

from __future__ import annotations

import json
import resource
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
# Name, text, its sizes, and the small sizes of the run that is taken off.
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("double well, 20,000 trajectories", _SIMULATED,
     {"surface": "{kind: double-well}", "steps": 2000, "trajectories": 20_000},
     {"steps": 2, "trajectories": 2}),
    ("flat, 1,000 coordinates, 500 trajectories", _SIMULATED,
     {"surface": "{kind: flat, dim: 1000}", "steps": 100, "trajectories": 500},
     {"steps": 2, "trajectories": 2}),
    ("network, 52,001 parameters", _TRAINED,
     {"examples": 20_000, "width": 1000, "steps": 400}, {"examples": 64, "width": 1, "steps": 2}),
]  # fmt: skip


def ran(text: str) -> tuple[float, float, float]:
    """Bytes of memory and disk, and seconds, of a run in this process."""
    from sdesim.scenario import parse_scenario, run_scenario

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run_scenario(parse_scenario(text), Path(folder) / "x", threads=1, progress=False)
        spent = time.perf_counter() - started
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    # In kilobytes on Linux.
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, float(disk), spent


def _apart(text: str) -> tuple[float, float, float]:
    """`ran` in a process of its own."""
    command = [sys.executable, "-m", "analysis.sizes", "--one"]
    found = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    memory, disk, spent = json.loads(found.stdout.splitlines()[-1])
    return memory, disk, spent


def main() -> None:
    """Print the table in Markdown."""
    from sdesim.runs.needs import shown
    from sdesim.scenario import parse_scenario
    from sdesim.scenario.estimate import estimate, spent

    print("| run | memory: told | was | disk: told | was | time: told | was |\n|---|---|---|---|---|---|---|")
    for name, text, sizes, small in CASES:
        told = estimate(parse_scenario(text.format(**sizes)), timed=True, threads=1)
        least, whole = _apart(text.format(**{**sizes, **small})), _apart(text.format(**sizes))
        memory, disk, seconds = whole[0] - least[0], whole[1] - least[1], whole[2] - least[2]
        assert told.seconds is not None
        cells = [name, shown(told.memory), shown(max(0.0, memory)), shown(told.disk), shown(disk)]
        print(f"| {' | '.join([*cells, spent(sum(told.seconds.values())), spent(seconds)])} |", flush=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(ran(sys.stdin.read())))
    else:
        main()
