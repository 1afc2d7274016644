"""Walking a plan with stops, at each of which the state is taken up anew."""

import numpy as np

from sdesim.engine.ensemble import Ensemble


def ends(plan, lanes, stops):
    """The states at the end, as bytes, in blocks of so many trajectories."""
    ensemble, begin, nothing = Ensemble(plan, 1, lanes), 0, np.zeros(0, dtype=np.int64)
    count, none = plan.trajectories, np.empty((plan.trajectories, 0))
    outputs = (np.empty((count, 0, plan.dim)), np.empty((count, 0, 0)), none, none)
    for end in stops:
        state, ensemble = ensemble.portable(), Ensemble(plan, 1, lanes)
        ensemble.restore(state)
        ensemble.advance(begin, end, nothing, outputs, 0)
        begin = end
    return np.stack([ensemble.theta(k) for k in range(count)]).astype(np.float64).tobytes()
