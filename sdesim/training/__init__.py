"""The real side: train networks and record them in the same schema as the simulated runs. Needs torch."""

from sdesim.errors import RunError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise RunError("sdesim.training needs PyTorch: pip install 'sdesim[torch]'") from error

from sdesim.training.advice import Advice as Advice
from sdesim.training.advice import BatchAdvice as BatchAdvice
from sdesim.training.advice import advise as advise
from sdesim.training.advice import batch_size_for as batch_size_for
from sdesim.training.callbacks import TrainerMonitor as TrainerMonitor
from sdesim.training.callbacks import lightning_monitor as lightning_monitor
from sdesim.training.clients import Clients as Clients
from sdesim.training.crossing import Crossing as Crossing
from sdesim.training.listings import Tracked as Tracked
from sdesim.training.listings import consolidation_statistics as consolidation_statistics
from sdesim.training.listings import loader_gradients as loader_gradients
from sdesim.training.listings import loader_hvp as loader_hvp
from sdesim.training.listings import track_learning as track_learning
from sdesim.training.measurement import Measurement as Measurement
from sdesim.training.monitor import Monitor as Monitor
from sdesim.training.networks import Quadratic as Quadratic
from sdesim.training.networks import mlp as mlp
from sdesim.training.networks import network_surface as network_surface
from sdesim.training.networks import one_hot_mse as one_hot_mse
from sdesim.training.noise_fit import NoiseFit as NoiseFit
from sdesim.training.noise_fit import fit_noise as fit_noise
from sdesim.training.objectives import Objectives as Objectives
from sdesim.training.oracle import TorchOracle as TorchOracle
from sdesim.training.pruning import prune as prune
from sdesim.training.pruning import reinitialised as reinitialised
from sdesim.training.record import record as record
from sdesim.training.schedules import PhaseLR as PhaseLR
from sdesim.training.schedules import PhaseWarmup as PhaseWarmup
from sdesim.training.sinks import CsvSink as CsvSink
from sdesim.training.sinks import TensorBoardSink as TensorBoardSink
from sdesim.training.stopping import Decision as Decision
from sdesim.training.stopping import PhaseEarlyStopping as PhaseEarlyStopping
from sdesim.training.twins import TWIN_NOISES as TWIN_NOISES
from sdesim.training.twins import svag as svag
from sdesim.training.twins import twin as twin
from sdesim.training.twins import twins as twins
from sdesim.training.weight_decay import WeightDecayChoice as WeightDecayChoice
from sdesim.training.weight_decay import choose_weight_decay as choose_weight_decay

__all__ = [
    "TWIN_NOISES",
    "Advice",
    "BatchAdvice",
    "Clients",
    "Crossing",
    "CsvSink",
    "Decision",
    "Measurement",
    "Monitor",
    "NoiseFit",
    "Objectives",
    "PhaseEarlyStopping",
    "PhaseLR",
    "PhaseWarmup",
    "Quadratic",
    "TensorBoardSink",
    "TorchOracle",
    "Tracked",
    "TrainerMonitor",
    "WeightDecayChoice",
    "advise",
    "batch_size_for",
    "choose_weight_decay",
    "consolidation_statistics",
    "fit_noise",
    "lightning_monitor",
    "loader_gradients",
    "loader_hvp",
    "mlp",
    "network_surface",
    "one_hot_mse",
    "prune",
    "record",
    "reinitialised",
    "svag",
    "track_learning",
    "twin",
    "twins",
]
