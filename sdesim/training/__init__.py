"""The real side: train networks and record them in the same schema as the simulated runs.

Needs torch, but for what reads measurements that were made: without it loaded, names load on first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdesim.errors import RunError

if TYPE_CHECKING:
    from sdesim.data import Clients as Clients
    from sdesim.networks.fully_connected import Quadratic as Quadratic
    from sdesim.networks.fully_connected import mlp as mlp
    from sdesim.networks.fully_connected import network_surface as network_surface
    from sdesim.networks.fully_connected import one_hot_mse as one_hot_mse
    from sdesim.networks.objectives import Objectives as Objectives
    from sdesim.training.forecasts.forecast import forecast as forecast
    from sdesim.training.integrations.hugging_face import TrainerMonitor as TrainerMonitor
    from sdesim.training.integrations.lightning import SDEMonitor as SDEMonitor
    from sdesim.training.integrations.lightning_steps import lightning_monitor as lightning_monitor
    from sdesim.training.loop.recipe import Recipe as Recipe
    from sdesim.training.loop.record import record as record
    from sdesim.training.monitor.measurement import Measurement as Measurement
    from sdesim.training.monitor.monitor import Monitor as Monitor
    from sdesim.training.monitor.sinks import CsvSink as CsvSink
    from sdesim.training.monitor.sinks import TensorBoardSink as TensorBoardSink
    from sdesim.training.monitor.threshold import Crossing as Crossing
    from sdesim.training.probes.example_norms import ExampleNorms as ExampleNorms
    from sdesim.training.probes.example_norms import example_norms as example_norms
    from sdesim.training.probes.network_oracle import TorchOracle as TorchOracle
    from sdesim.training.tools.advice import Advice as Advice
    from sdesim.training.tools.advice import BatchAdvice as BatchAdvice
    from sdesim.training.tools.advice import advise as advise
    from sdesim.training.tools.advice import batch_size_for as batch_size_for
    from sdesim.training.tools.changes import Finding as Finding
    from sdesim.training.tools.changes import advice_lines as advice_lines
    from sdesim.training.tools.changes import findings as findings
    from sdesim.training.tools.pruning import prune as prune
    from sdesim.training.tools.pruning import reinitialised as reinitialised
    from sdesim.training.tools.schedules import PhaseLR as PhaseLR
    from sdesim.training.tools.schedules import PhaseWarmup as PhaseWarmup
    from sdesim.training.tools.source_listings import Tracked as Tracked
    from sdesim.training.tools.source_listings import consolidation_statistics as consolidation_statistics
    from sdesim.training.tools.source_listings import loader_gradients as loader_gradients
    from sdesim.training.tools.source_listings import loader_hvp as loader_hvp
    from sdesim.training.tools.source_listings import track_learning as track_learning
    from sdesim.training.tools.stopping import Decision as Decision
    from sdesim.training.tools.stopping import PhaseEarlyStopping as PhaseEarlyStopping
    from sdesim.training.tools.weight_decay import WeightDecayChoice as WeightDecayChoice
    from sdesim.training.tools.weight_decay import choose_weight_decay as choose_weight_decay
    from sdesim.training.twinning.noise_fit import NoiseFit as NoiseFit
    from sdesim.training.twinning.noise_fit import fit_noise as fit_noise
    from sdesim.training.twinning.twins import TWIN_NOISES as TWIN_NOISES
    from sdesim.training.twinning.twins import svag as svag
    from sdesim.training.twinning.twins import twin as twin
    from sdesim.training.twinning.twins import twins as twins
    from sdesim.training.watching.watch import Watch as Watch
    from sdesim.training.watching.watch import watch as watch

_HOMES = {
    "Clients": "sdesim.data",
    "Quadratic": "sdesim.networks.fully_connected",
    "mlp": "sdesim.networks.fully_connected",
    "network_surface": "sdesim.networks.fully_connected",
    "one_hot_mse": "sdesim.networks.fully_connected",
    "Objectives": "sdesim.networks.objectives",
    "forecast": "sdesim.training.forecasts.forecast",
    "TrainerMonitor": "sdesim.training.integrations.hugging_face",
    "SDEMonitor": "sdesim.training.integrations.lightning",
    "lightning_monitor": "sdesim.training.integrations.lightning_steps",
    "Recipe": "sdesim.training.loop.recipe",
    "record": "sdesim.training.loop.record",
    "Measurement": "sdesim.training.monitor.measurement",
    "Monitor": "sdesim.training.monitor.monitor",
    "CsvSink": "sdesim.training.monitor.sinks",
    "TensorBoardSink": "sdesim.training.monitor.sinks",
    "Crossing": "sdesim.training.monitor.threshold",
    "ExampleNorms": "sdesim.training.probes.example_norms",
    "example_norms": "sdesim.training.probes.example_norms",
    "TorchOracle": "sdesim.training.probes.network_oracle",
    "Advice": "sdesim.training.tools.advice",
    "BatchAdvice": "sdesim.training.tools.advice",
    "advise": "sdesim.training.tools.advice",
    "batch_size_for": "sdesim.training.tools.advice",
    "Finding": "sdesim.training.tools.changes",
    "findings": "sdesim.training.tools.changes",
    "advice_lines": "sdesim.training.tools.changes",
    "prune": "sdesim.training.tools.pruning",
    "reinitialised": "sdesim.training.tools.pruning",
    "PhaseLR": "sdesim.training.tools.schedules",
    "PhaseWarmup": "sdesim.training.tools.schedules",
    "Tracked": "sdesim.training.tools.source_listings",
    "consolidation_statistics": "sdesim.training.tools.source_listings",
    "loader_gradients": "sdesim.training.tools.source_listings",
    "loader_hvp": "sdesim.training.tools.source_listings",
    "track_learning": "sdesim.training.tools.source_listings",
    "Decision": "sdesim.training.tools.stopping",
    "PhaseEarlyStopping": "sdesim.training.tools.stopping",
    "WeightDecayChoice": "sdesim.training.tools.weight_decay",
    "choose_weight_decay": "sdesim.training.tools.weight_decay",
    "NoiseFit": "sdesim.training.twinning.noise_fit",
    "fit_noise": "sdesim.training.twinning.noise_fit",
    "TWIN_NOISES": "sdesim.training.twinning.twins",
    "svag": "sdesim.training.twinning.twins",
    "twin": "sdesim.training.twinning.twins",
    "twins": "sdesim.training.twinning.twins",
    "Watch": "sdesim.training.watching.watch",
    "watch": "sdesim.training.watching.watch",
}

__all__ = [
    "TWIN_NOISES",
    "Advice",
    "BatchAdvice",
    "Clients",
    "Crossing",
    "CsvSink",
    "Decision",
    "ExampleNorms",
    "Finding",
    "Measurement",
    "Monitor",
    "NoiseFit",
    "Objectives",
    "PhaseEarlyStopping",
    "PhaseLR",
    "PhaseWarmup",
    "Quadratic",
    "Recipe",
    "SDEMonitor",
    "TensorBoardSink",
    "TorchOracle",
    "Tracked",
    "TrainerMonitor",
    "Watch",
    "WeightDecayChoice",
    "advice_lines",
    "advise",
    "batch_size_for",
    "choose_weight_decay",
    "consolidation_statistics",
    "example_norms",
    "findings",
    "fit_noise",
    "forecast",
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
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise RunError("sdesim.training needs PyTorch: pip install 'sdesim[torch]'") from error
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


# Whoever has torch is about to train: what a training needs is loaded now, and not in the middle of it.
if sys.modules.get("torch") is not None:
    for _name in __all__:
        __getattr__(_name)
