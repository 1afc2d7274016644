"""A long training with everything on, killed in the middle: `python -m analysis.monitor.soak [--minutes 30]`.

A process trains a small network, watched at the default budget with a loss, a loader and held-out examples,
and with sinks on disk. Its memory is read as it goes. At the end it is killed outright (SIGKILL), and what is
on disk is compared with what it had said of itself by then.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import linregress

_EVERY = 5.0


def train(folder: Path) -> None:
    """Train for ever, and say the step of every reading on standard output."""
    import torch
    from torch import nn

    from sdesim import training

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(4000, 32)
    y = (x[:, 0] * x[:, 1] + 0.5 * torch.randn(4000) > 0).long()
    parts = [torch.utils.data.TensorDataset(a, b) for a, b in ((x[:3000], y[:3000]), (x[3000:], y[3000:]))]
    loader = torch.utils.data.DataLoader(parts[0], batch_size=64, shuffle=True)
    heldout = torch.utils.data.DataLoader(parts[1], batch_size=64)
    model = nn.Sequential(nn.Linear(32, 128), nn.LayerNorm(128), nn.Tanh(), nn.Linear(128, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loss = nn.CrossEntropyLoss()
    monitor = training.watch(
        model, optimizer, loss=loss, loader=loader, heldout=heldout,
        sinks=[training.CsvSink(folder / "readings.csv"), _Told()],
    )  # fmt: skip
    while True:
        for a, b in loader:
            optimizer.zero_grad()
            loss(model(a), b).backward()
            optimizer.step()
        if monitor.reasons:
            print(json.dumps({"reasons": monitor.reasons}), flush=True)


class _Told:
    """A sink that says aloud what it was given: the process is killed without warning."""

    def write(self, measurement: Any) -> None:
        print(json.dumps({"step": measurement.step}), flush=True)

    def close(self) -> None:
        """Nothing is open."""


def soak(folder: Path, minutes: float) -> dict[str, Any]:
    """Memory over time, and what was on disk when it was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "said.jsonl"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "analysis.monitor.soak", "--train", str(folder)], stdout=out
        )
        times, bytes_held = [], []
        began = time.monotonic()
        while time.monotonic() - began < 60 * minutes and process.poll() is None:
            time.sleep(_EVERY)
            times.append(time.monotonic() - began)
            bytes_held.append(_resident(process.pid))
        ended = process.poll()
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = [json.loads(line) for line in said.read_text().splitlines()]
    steps = [line["step"] for line in lines if "step" in line]
    with (folder / "readings.csv").open() as written:
        kept = sum(1 for _ in written) - 1
    # The first third is left out: caches fill and imports come late.
    late = slice(len(times) // 3, None)
    t, m = np.array(times[late]) / 60, np.array(bytes_held[late]) / 2**20
    slope = linregress(t, m)
    return {
        "minutes": times[-1] / 60, "ended_by_itself": ended is not None, "readings": len(steps),
        "readings_on_disk": kept, "steps": steps[-1] if steps else 0,
        "memory_mb": [float(m.min()), float(m.max())],
        "growth_mb_a_minute": slope.slope, "growth_error": slope.stderr,
        "reasons": [line["reasons"] for line in lines if "reasons" in line][-1:],
    }  # fmt: skip


def _resident(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


def main() -> None:
    """Run it and write what was found."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--folder", type=Path, default=Path("runs/soak"))
    options.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "soak.json")
    chosen = options.parse_args()
    if chosen.train is not None:
        train(chosen.train)
    found = soak(chosen.folder, chosen.minutes)
    chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
