"""Driving noises: Gaussian, multiplicative, Lévy and minibatch, from one counter-based generator."""

from sdesim.noise.base import Noise as Noise
from sdesim.noise.base import NoiseKernel as NoiseKernel
from sdesim.noise.gaussian import Gaussian as Gaussian
from sdesim.noise.increments import increments as increments
from sdesim.noise.minibatch import Minibatch as Minibatch
from sdesim.noise.multiplicative import Multiplicative as Multiplicative
from sdesim.noise.stable import Stable as Stable
from sdesim.noise.stable import philox4x32 as philox4x32
from sdesim.noise.stable import sample_stable as sample_stable

__all__ = [
    "Gaussian",
    "Minibatch",
    "Multiplicative",
    "Noise",
    "NoiseKernel",
    "Stable",
    "increments",
    "philox4x32",
    "sample_stable",
]
