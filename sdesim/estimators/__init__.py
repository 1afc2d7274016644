"""Pure functions of arrays; each returns an `Estimate`: value, interval, method, sample size and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.estimate import ArrayEstimate as ArrayEstimate
from sdesim.estimate import Estimate as Estimate
from sdesim.lazy import lazy_names

if TYPE_CHECKING:
    from sdesim.estimators.consolidation.critical_batch import hessian_noise_scale as hessian_noise_scale
    from sdesim.estimators.consolidation.critical_batch import sign_noise_scale as sign_noise_scale
    from sdesim.estimators.consolidation.descent import consolidation_threshold as consolidation_threshold
    from sdesim.estimators.consolidation.descent import critical_consolidation as critical_consolidation
    from sdesim.estimators.consolidation.descent import critical_signal as critical_signal
    from sdesim.estimators.consolidation.descent import decrease_probability as decrease_probability
    from sdesim.estimators.consolidation.descent import eta_star as eta_star
    from sdesim.estimators.consolidation.groups import group_consolidation as group_consolidation
    from sdesim.estimators.consolidation.groups import subnetwork_gain as subnetwork_gain
    from sdesim.estimators.consolidation.information import channel_information as channel_information
    from sdesim.estimators.consolidation.information import (
        channel_information_bound as channel_information_bound,
    )
    from sdesim.estimators.consolidation.information import gradient_information as gradient_information
    from sdesim.estimators.consolidation.matrix import ClientParts as ClientParts
    from sdesim.estimators.consolidation.matrix import ConsolidationMatrix as ConsolidationMatrix
    from sdesim.estimators.consolidation.matrix import client_parts as client_parts
    from sdesim.estimators.consolidation.matrix import consolidation_matrix as consolidation_matrix
    from sdesim.estimators.consolidation.metric import metric_consolidation as metric_consolidation
    from sdesim.estimators.consolidation.noise_scale import at_batch_size as at_batch_size
    from sdesim.estimators.consolidation.noise_scale import critical_batch as critical_batch
    from sdesim.estimators.consolidation.noise_scale import noise_scale as noise_scale
    from sdesim.estimators.consolidation.noise_scale import per_example as per_example
    from sdesim.estimators.consolidation.noise_scale import two_batch_consolidation as two_batch_consolidation
    from sdesim.estimators.consolidation.probability import detection_power as detection_power
    from sdesim.estimators.consolidation.probability import direction_probability as direction_probability
    from sdesim.estimators.consolidation.probability import learning_acceleration as learning_acceleration
    from sdesim.estimators.consolidation.probability import mahalanobis_snr as mahalanobis_snr
    from sdesim.estimators.consolidation.probability import odds as odds
    from sdesim.estimators.consolidation.probability import phase as phase
    from sdesim.estimators.consolidation.probability import pl_constant as pl_constant
    from sdesim.estimators.consolidation.probability import probability as probability
    from sdesim.estimators.consolidation.ratio import GradientMoments as GradientMoments
    from sdesim.estimators.consolidation.ratio import combine_moments as combine_moments
    from sdesim.estimators.consolidation.ratio import consolidation_from_draws as consolidation_from_draws
    from sdesim.estimators.consolidation.ratio import consolidation_ratio as consolidation_ratio
    from sdesim.estimators.consolidation.ratio import gradient_moments as gradient_moments
    from sdesim.estimators.consolidation.reduced import consolidation_from_sums as consolidation_from_sums
    from sdesim.estimators.consolidation.reduced import direction_share as direction_share
    from sdesim.estimators.consolidation.reduced import jackknife_consolidation as jackknife_consolidation
    from sdesim.estimators.consolidation.reduced import leave_one_out as leave_one_out
    from sdesim.estimators.consolidation.reduced import signal_and_noise as signal_and_noise
    from sdesim.estimators.consolidation.streaming import EmaStream as EmaStream
    from sdesim.estimators.consolidation.streaming import MomentStream as MomentStream
    from sdesim.estimators.consolidation.streaming import PairStream as PairStream
    from sdesim.estimators.consolidation.streaming import paired_consolidation as paired_consolidation
    from sdesim.estimators.consolidation.window_ratio import windowed_consolidation as windowed_consolidation
    from sdesim.estimators.curvature.density import SpectralDensity as SpectralDensity
    from sdesim.estimators.curvature.density import hessian_trace as hessian_trace
    from sdesim.estimators.curvature.density import spectral_density as spectral_density
    from sdesim.estimators.curvature.edges import Spectrum as Spectrum
    from sdesim.estimators.curvature.edges import lambda_max as lambda_max
    from sdesim.estimators.curvature.edges import lanczos_edges as lanczos_edges
    from sdesim.estimators.curvature.edges import preconditioned as preconditioned
    from sdesim.estimators.curvature.edges import spectrum_edges as spectrum_edges
    from sdesim.estimators.curvature.stability import batch_sharpness as batch_sharpness
    from sdesim.estimators.curvature.stability import critical_sharpness as critical_sharpness
    from sdesim.estimators.curvature.stability import mean_square_factor as mean_square_factor
    from sdesim.estimators.curvature.stability import mean_square_rate as mean_square_rate
    from sdesim.estimators.curvature.stability import stability_margin as stability_margin
    from sdesim.estimators.dimension.deduced import effective_dimension as effective_dimension
    from sdesim.estimators.dimension.trajectory import DimensionControl as DimensionControl
    from sdesim.estimators.dimension.trajectory import box_counts as box_counts
    from sdesim.estimators.dimension.trajectory import correlation_sum as correlation_sum
    from sdesim.estimators.dimension.trajectory import dimension_controls as dimension_controls
    from sdesim.estimators.dimension.trajectory import trajectory_dimension as trajectory_dimension
    from sdesim.estimators.dynamics.convergence import EffectiveRate as EffectiveRate
    from sdesim.estimators.dynamics.convergence import contraction_factor as contraction_factor
    from sdesim.estimators.dynamics.convergence import effective_rate as effective_rate
    from sdesim.estimators.dynamics.convergence import effective_rates as effective_rates
    from sdesim.estimators.dynamics.convergence import manifold_gradient as manifold_gradient
    from sdesim.estimators.dynamics.convergence import obeys_bound as obeys_bound
    from sdesim.estimators.dynamics.convergence import rolling_pl_constant as rolling_pl_constant
    from sdesim.estimators.dynamics.intelligence import intelligence as intelligence
    from sdesim.estimators.dynamics.intelligence import intelligence_state as intelligence_state
    from sdesim.estimators.dynamics.lyapunov import FosterLyapunov as FosterLyapunov
    from sdesim.estimators.dynamics.lyapunov import foster_lyapunov as foster_lyapunov
    from sdesim.estimators.dynamics.lyapunov import log_lyapunov_drift as log_lyapunov_drift
    from sdesim.estimators.dynamics.lyapunov import lyapunov_drift as lyapunov_drift
    from sdesim.estimators.dynamics.lyapunov import lyapunov_exponent as lyapunov_exponent
    from sdesim.estimators.dynamics.lyapunov import restart_drift as restart_drift
    from sdesim.estimators.dynamics.progress import critical_from_drops as critical_from_drops
    from sdesim.estimators.dynamics.progress import critical_from_gradients as critical_from_gradients
    from sdesim.estimators.dynamics.progress import mean_change as mean_change
    from sdesim.estimators.dynamics.progress import trapezoid_progress as trapezoid_progress
    from sdesim.estimators.dynamics.slowing_down import RollingIndicators as RollingIndicators
    from sdesim.estimators.dynamics.slowing_down import critical_slowing_down as critical_slowing_down
    from sdesim.estimators.dynamics.slowing_down import relaxation_time as relaxation_time
    from sdesim.estimators.dynamics.slowing_down import rolling_indicators as rolling_indicators
    from sdesim.estimators.dynamics.smoothing import change_points as change_points
    from sdesim.estimators.dynamics.smoothing import smooth as smooth
    from sdesim.estimators.dynamics.smoothing import smoothed_difference as smoothed_difference
    from sdesim.estimators.dynamics.smoothing import smoothed_phase as smoothed_phase
    from sdesim.estimators.dynamics.smoothing import smoothed_ratio as smoothed_ratio
    from sdesim.estimators.dynamics.survival import Survival as Survival
    from sdesim.estimators.dynamics.survival import SurvivalStatistics as SurvivalStatistics
    from sdesim.estimators.dynamics.survival import survival_statistics as survival_statistics
    from sdesim.estimators.dynamics.transition import Transition as Transition
    from sdesim.estimators.dynamics.transition import detect_transition as detect_transition
    from sdesim.estimators.dynamics.transition import detect_transitions as detect_transitions
    from sdesim.estimators.tails.index import TailIndices as TailIndices
    from sdesim.estimators.tails.index import tail_index as tail_index
    from sdesim.estimators.tails.index import tail_indices as tail_indices
    from sdesim.estimators.tails.jumps import JumpMoments as JumpMoments
    from sdesim.estimators.tails.jumps import jump_moments as jump_moments
    from sdesim.estimators.tails.jumps import jump_term as jump_term
    from sdesim.estimators.tails.jumps import jump_term_truncated as jump_term_truncated
    from sdesim.estimators.tails.jumps import log_jump_term as log_jump_term

_HOMES = {
    "hessian_noise_scale": "consolidation.critical_batch",
    "sign_noise_scale": "consolidation.critical_batch",
    "consolidation_threshold": "consolidation.descent",
    "critical_consolidation": "consolidation.descent",
    "critical_signal": "consolidation.descent",
    "decrease_probability": "consolidation.descent",
    "eta_star": "consolidation.descent",
    "group_consolidation": "consolidation.groups",
    "subnetwork_gain": "consolidation.groups",
    "channel_information": "consolidation.information",
    "channel_information_bound": "consolidation.information",
    "gradient_information": "consolidation.information",
    "ClientParts": "consolidation.matrix",
    "ConsolidationMatrix": "consolidation.matrix",
    "client_parts": "consolidation.matrix",
    "consolidation_matrix": "consolidation.matrix",
    "metric_consolidation": "consolidation.metric",
    "at_batch_size": "consolidation.noise_scale",
    "critical_batch": "consolidation.noise_scale",
    "noise_scale": "consolidation.noise_scale",
    "per_example": "consolidation.noise_scale",
    "two_batch_consolidation": "consolidation.noise_scale",
    "detection_power": "consolidation.probability",
    "direction_probability": "consolidation.probability",
    "learning_acceleration": "consolidation.probability",
    "mahalanobis_snr": "consolidation.probability",
    "odds": "consolidation.probability",
    "phase": "consolidation.probability",
    "pl_constant": "consolidation.probability",
    "probability": "consolidation.probability",
    "GradientMoments": "consolidation.ratio",
    "combine_moments": "consolidation.ratio",
    "consolidation_from_draws": "consolidation.ratio",
    "consolidation_ratio": "consolidation.ratio",
    "gradient_moments": "consolidation.ratio",
    "consolidation_from_sums": "consolidation.reduced",
    "direction_share": "consolidation.reduced",
    "jackknife_consolidation": "consolidation.reduced",
    "leave_one_out": "consolidation.reduced",
    "signal_and_noise": "consolidation.reduced",
    "EmaStream": "consolidation.streaming",
    "MomentStream": "consolidation.streaming",
    "PairStream": "consolidation.streaming",
    "paired_consolidation": "consolidation.streaming",
    "windowed_consolidation": "consolidation.window_ratio",
    "SpectralDensity": "curvature.density",
    "hessian_trace": "curvature.density",
    "spectral_density": "curvature.density",
    "Spectrum": "curvature.edges",
    "lambda_max": "curvature.edges",
    "lanczos_edges": "curvature.edges",
    "preconditioned": "curvature.edges",
    "spectrum_edges": "curvature.edges",
    "batch_sharpness": "curvature.stability",
    "critical_sharpness": "curvature.stability",
    "mean_square_factor": "curvature.stability",
    "mean_square_rate": "curvature.stability",
    "stability_margin": "curvature.stability",
    "effective_dimension": "dimension.deduced",
    "DimensionControl": "dimension.trajectory",
    "box_counts": "dimension.trajectory",
    "correlation_sum": "dimension.trajectory",
    "dimension_controls": "dimension.trajectory",
    "trajectory_dimension": "dimension.trajectory",
    "EffectiveRate": "dynamics.convergence",
    "contraction_factor": "dynamics.convergence",
    "effective_rate": "dynamics.convergence",
    "effective_rates": "dynamics.convergence",
    "manifold_gradient": "dynamics.convergence",
    "obeys_bound": "dynamics.convergence",
    "rolling_pl_constant": "dynamics.convergence",
    "intelligence": "dynamics.intelligence",
    "intelligence_state": "dynamics.intelligence",
    "FosterLyapunov": "dynamics.lyapunov",
    "foster_lyapunov": "dynamics.lyapunov",
    "log_lyapunov_drift": "dynamics.lyapunov",
    "lyapunov_drift": "dynamics.lyapunov",
    "lyapunov_exponent": "dynamics.lyapunov",
    "restart_drift": "dynamics.lyapunov",
    "critical_from_drops": "dynamics.progress",
    "critical_from_gradients": "dynamics.progress",
    "mean_change": "dynamics.progress",
    "trapezoid_progress": "dynamics.progress",
    "RollingIndicators": "dynamics.slowing_down",
    "critical_slowing_down": "dynamics.slowing_down",
    "relaxation_time": "dynamics.slowing_down",
    "rolling_indicators": "dynamics.slowing_down",
    "change_points": "dynamics.smoothing",
    "smooth": "dynamics.smoothing",
    "smoothed_difference": "dynamics.smoothing",
    "smoothed_phase": "dynamics.smoothing",
    "smoothed_ratio": "dynamics.smoothing",
    "Survival": "dynamics.survival",
    "SurvivalStatistics": "dynamics.survival",
    "survival_statistics": "dynamics.survival",
    "Transition": "dynamics.transition",
    "detect_transition": "dynamics.transition",
    "detect_transitions": "dynamics.transition",
    "TailIndices": "tails.index",
    "tail_index": "tails.index",
    "tail_indices": "tails.index",
    "JumpMoments": "tails.jumps",
    "jump_moments": "tails.jumps",
    "jump_term": "tails.jumps",
    "jump_term_truncated": "tails.jumps",
    "log_jump_term": "tails.jumps",
}
__all__ = ["ArrayEstimate", "Estimate", *_HOMES]


def _met(found: Any) -> Any:
    from sdesim.estimators.core.samples import bordered

    return bordered(found)


__getattr__, __dir__ = lazy_names(__name__, _HOMES, _met)
