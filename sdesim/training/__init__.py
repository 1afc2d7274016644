"""The real side: train networks and record them in the same schema as the simulated runs. Needs torch."""

from sdesim.errors import RunError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise RunError("sdesim.training needs PyTorch: pip install 'sdesim[torch]'") from error

from sdesim.training.measurement import Measurement as Measurement
from sdesim.training.networks import Quadratic as Quadratic
from sdesim.training.networks import mlp as mlp
from sdesim.training.networks import network_surface as network_surface
from sdesim.training.oracle import TorchOracle as TorchOracle
from sdesim.training.record import record as record

__all__ = ["Measurement", "Quadratic", "TorchOracle", "mlp", "network_surface", "record"]
