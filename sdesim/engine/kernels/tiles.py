# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Which trajectories of a tile of states count at each of its steps."""

from __future__ import annotations

from sdesim.compiled.jit import compiled_apart
from sdesim.engine.kernels.block import RUNNING, STOPPED


@compiled_apart
def mark_live(code, stopped, steps, count, first, live, numbers):
    """live (first + C, R) is 1 from row ``first`` on where a trajectory has not ended by steps[c], else 0.

    code, stopped (R,): how and when each ended, of which the first ``count`` are trajectories. numbers (C, 3)
    become how many are live, stopped and lost.
    """
    running = count == live.shape[1]
    for r in range(count):
        running = running and code[r] == RUNNING
    for c in range(steps.shape[0]):
        if running:
            for r in range(live.shape[1]):
                live[first + c, r] = 1
            numbers[c, 0], numbers[c, 1], numbers[c, 2] = count, 0, 0
            continue
        alive, halted = 0, 0
        for r in range(live.shape[1]):
            there = r < count and (code[r] == RUNNING or stopped[r] > steps[c])
            live[first + c, r] = 1 if there else 0
            alive += there
            halted += r < count and not there and code[r] == STOPPED
        numbers[c, 0], numbers[c, 1], numbers[c, 2] = alive, halted, count - alive - halted
