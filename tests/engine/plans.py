"""The plan of a simulation with what a test does not care about filled in."""

from sdesim.engine.plan import Plan, make_plan

_ANYTHING = {
    "theta0": None, "dt": 0.01, "steps": 2, "trajectories": 1, "seed": 0, "learning_rate": None,
    "scheme": "euler-maruyama", "save_every": None, "save": ("theta",), "events": (), "probes": None,
}  # fmt: skip


def planned(surface, noises, **changes) -> Plan:
    return make_plan(surface, noises, **(_ANYTHING | changes))
