"""Driving noises: Gaussian, multiplicative, Lévy and minibatch, from one counter-based generator.

Every kind of noise is a name of this package; `Base` is what one's own inherits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.noise.base import Base as Base
    from sdesim.noise.base import Context as Context
    from sdesim.noise.base import Noise as Noise
    from sdesim.noise.base import NoiseKernel as NoiseKernel
    from sdesim.noise.draws import increments as increments
    from sdesim.noise.draws import philox4x32 as philox4x32
    from sdesim.noise.levy.sampling import sample_stable as sample_stable

_HOMES = {
    "Base": "base",
    "Context": "base",
    "Noise": "base",
    "NoiseKernel": "base",
    "increments": "draws",
    "philox4x32": "draws",
    "sample_stable": "levy.sampling",
}

_get, __dir__ = public_names(__name__, "noises", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
