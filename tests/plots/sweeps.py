"""Tables of sweeps made of functions."""

from __future__ import annotations

ALPHA, SCALE = [1.2, 1.5, 1.8], [0.1, 0.2, 0.4, 0.8]

ALL = (slice(None), slice(None))


def table(function, quantity="C_alpha", at="end", n=8, relative=0.1, arm="sde"):
    """A table over alpha × scale of function(alpha, scale) with intervals of that relative half-width."""
    rows = [
        {
            "point": f"{a}{s}", "alpha": a, "scale": s, "arm": arm, "kind": "simulated", "quantity": quantity,
            "at": at, "value": function(a, s), "low": function(a, s) / (1 + relative),
            "high": function(a, s) * (1 + relative), "n": n,
        }
        for a in ALPHA
        for s in SCALE
    ]  # fmt: skip
    axes = [{"label": "alpha", "values": ALPHA}, {"label": "scale", "values": SCALE}]
    return {"axes": axes, "rows": rows}
