"""The Run: its schema, its store, the probe that both arms share, and what can be measured from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdesim.lazy import lazy_names

if TYPE_CHECKING:
    from sdesim.runs.curvature import CurvatureMetric as CurvatureMetric
    from sdesim.runs.curvature import RitzVectors as RitzVectors
    from sdesim.runs.directions import projection_directions as projection_directions
    from sdesim.runs.joined import concat_runs as concat_runs
    from sdesim.runs.measures.run import measure as measure
    from sdesim.runs.probes import Probes as Probes
    from sdesim.runs.probes import probe_rng as probe_rng
    from sdesim.runs.probes import saved_steps as saved_steps
    from sdesim.runs.probing import GradientOracle as GradientOracle
    from sdesim.runs.probing import probe as probe
    from sdesim.runs.provenance import versions as versions
    from sdesim.runs.quantities import quantity as quantity
    from sdesim.runs.quantity_row import Quantity as Quantity
    from sdesim.runs.schema import SCHEMA_VERSION as SCHEMA_VERSION
    from sdesim.runs.schema import VARIABLES as VARIABLES
    from sdesim.runs.schema import validate_run as validate_run
    from sdesim.runs.store import RunWriter as RunWriter
    from sdesim.runs.store import open_run as open_run
    from sdesim.runs.store import open_runs as open_runs

_HOMES = {
    "measure": "measures.run",
    "Probes": "probes",
    "probe_rng": "probes",
    "projection_directions": "directions",
    "saved_steps": "probes",
    "CurvatureMetric": "curvature",
    "RitzVectors": "curvature",
    "GradientOracle": "probing",
    "probe": "probing",
    "versions": "provenance",
    "quantity": "quantities",
    "Quantity": "quantity_row",
    "SCHEMA_VERSION": "schema",
    "VARIABLES": "schema",
    "validate_run": "schema",
    "RunWriter": "store",
    "concat_runs": "joined",
    "open_run": "store",
    "open_runs": "store",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
