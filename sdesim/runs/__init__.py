"""The Run: its schema, its store, the probe that both arms share, and what can be measured from it."""

from sdesim.runs.files import atomic_write_bytes as atomic_write_bytes
from sdesim.runs.files import atomic_write_json as atomic_write_json
from sdesim.runs.files import atomic_write_text as atomic_write_text
from sdesim.runs.files import to_json as to_json
from sdesim.runs.measure import measure as measure
from sdesim.runs.oracle import CurvatureMetric as CurvatureMetric
from sdesim.runs.oracle import GradientOracle as GradientOracle
from sdesim.runs.oracle import probe as probe
from sdesim.runs.probes import Probes as Probes
from sdesim.runs.probes import probe_rng as probe_rng
from sdesim.runs.probes import projection_directions as projection_directions
from sdesim.runs.probes import saved_steps as saved_steps
from sdesim.runs.progress import LabelledReport as LabelledReport
from sdesim.runs.progress import labelled_progress as labelled_progress
from sdesim.runs.progress import progress_report as progress_report
from sdesim.runs.provenance import provenance as provenance
from sdesim.runs.provenance import versions as versions
from sdesim.runs.schema import SCHEMA_VERSION as SCHEMA_VERSION
from sdesim.runs.schema import VARIABLES as VARIABLES
from sdesim.runs.schema import validate_run as validate_run
from sdesim.runs.store import RunWriter as RunWriter
from sdesim.runs.store import concat_runs as concat_runs
from sdesim.runs.store import open_run as open_run
from sdesim.runs.store import open_runs as open_runs
