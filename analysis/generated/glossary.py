"""The glossary: symbol, name in code, formula, range and when not to use, of every quantity."""

from __future__ import annotations

import math

from sdesim.runs.quantities import quantities
from sdesim.runs.quantity_row import Quantity

# Name → formula in TeX ("" where the meaning says it all), and when not to use it. Formulas are those of
# the corrected forms; g is a gradient at the training batch B, μ its mean, Σ its covariance, H the Hessian.
_C_OPEN = "to compare batch sizes: `C_1` is for that"
NOTES: dict[str, tuple[str, str]] = {
    "loss": (r"L(\theta)", ""),
    "weight_norm": (r"|\theta|", "to compare networks of different sizes"),
    "test_loss": (r"L_{\mathrm{test}}(\theta)", "to choose a network: then it is no test any more"),
    "learning_rate": (r"\eta", ""),
    "C_alpha": (r"|\mu|^2/\operatorname{Tr}\Sigma", _C_OPEN),
    "C_1": (r"C_\alpha/B", "from one shuffled epoch as if its batches were independent"),
    "critical_batch": (r"1/C_1", "as the batch that trains best: it is told to a factor of 2.6"),
    "critical_batch_hessian": (r"", "without a measured $\\lambda_{\\max}$"),
    "C_star": (
        r"\tfrac{\eta}{2}\,(\mu^\top H\mu + \operatorname{Tr}H\Sigma)/\operatorname{Tr}\Sigma",
        "for steps too large for a quadratic: then `progress` tells",
    ),
    "eta_star": (
        r"|\mu|^2/(\mu^\top H\mu + \operatorname{Tr}H\Sigma)",
        "as the rate of a whole training: it is best for one step",
    ),
    "progress": (r"L(\theta_{t+1}) - L(\theta_t)", ""),
    "gradient_agreement": (r"\cos(\nabla L, \nabla L_{\mathrm{held\,out}})", ""),
    "p": (r"C_\alpha/(1 + C_\alpha)", "as a probability that a step helps: it is a share"),
    "odds": (r"p/(1 - p) = C_\alpha", "beside $C_\\alpha$, which it equals"),
    "direction_probability": (
        r"P(g\cdot\mu > 0)",
        "`literal` never: it forgets the dimension; measured while $nC < 19$ (flag `noisy_direction`)",
    ),
    "signal": (r"|\mu|^2", ""),
    "noise": (
        r"\operatorname{Tr}\Sigma",
        "under stable noise of $\\alpha < 2$: its variance is infinite",
    ),
    "tail_index": (
        r"|\varphi(u)| = e^{-|\gamma u|^\alpha}",
        "as a sign of $\\alpha$-stable noise near interpolation, where few examples carry the gradient",
    ),
    "d_H": (
        r"\min(d, \alpha)\ \text{or}\ \min(d, 2)",
        "as a measurement: it is deduced (flag `hypothetical`)",
    ),
    "trajectory_dimension": (r"", "from few points; in dimension 3 and more it reads too low"),
    "participation_ratio": (r"(\sum_k v_k)^2/\sum_k v_k^2", ""),
    "lyapunov_drift": (
        r"-|\nabla L|^2 + \operatorname{Tr}(D H) + J",
        "`literal` never as a drift: its terms have different units",
    ),
    "lyapunov_exponent": (r"\lim \tfrac1t \log |\delta_t|/|\delta_0|", "over fewer than 200 intervals"),
    "lambda_max": (r"\lambda_{\max}(H)", "by the power method where the largest magnitude is negative"),
    "lambda_min": (r"\lambda_{\min}(H)", ""),
    "preconditioned_lambda_max": (r"\lambda_{\max}(P^{-1}H)", "for optimizers that scale no coordinates"),
    "critical_sharpness": (r"2/\eta\ \text{(gradient descent)}", ""),
    "S": (r"2(1 - \lambda_{\max}/\lambda_{\mathrm{crit}})", "`literal`: its two terms have different units"),
    "edge_ratio": (r"\lambda_{\max}/\lambda_{\mathrm{crit}}", ""),
    "I": (r"\max(p,0)\,(\min(S,2)/2)/d_H", "as more than an index: nothing was seen to depend on it alone"),
    "C_clients": (r"", "as $C$ of single examples"),
    "C_1_client_mean": (r"", "as the whole's $C$: `C_1_merged` is"),
    "phase": (r"C_\alpha\ \text{against}\ C^*", "where it is open: the interval spans $C^*$"),
    "phase_literal": (r"C_\alpha\ \text{against}\ 1", "for a verdict on the loss"),
    "final_accuracy": (r"", "with fewer test examples than a difference needs"),
    "exit_time.mean": (
        r"\mathrm{E}\,\tau",
        "where most never left: see `exit_statistics`, which minds those",
    ),
    "theta_tail_exponent": (r"", "as a stable index"),
}
_WORDS = (
    ("trajectory", "one walk of the simulated parameters, or one seed of a training"),
    ("arm", "one simulation or training of a scenario"),
    ("twin", "the simulation that should imitate a training: its drift, start, rates and duration"),
    ("drift", "the deterministic part of a step, here $-\\nabla L$"),
    ("surface", "the loss $L(\\theta)$ that the parameters move on"),
    ("scheme", "the rule by which a simulation takes a step of length dt"),
    ("probe", "a moment at which gradients and curvature are measured"),
    ("literal", "computed by the source's own formula; the default is the corrected one"),
    ("flag", "a word in an estimate that says what limits it"),
    ("interval", "low and high of an estimate, 95% where nothing else is said"),
    ("spread", "the standard deviation over the real seeds, the unit of distances between arms"),
    ("edge of stability", "the curvature from which the optimizer's linearised steps grow"),
    ("tail index", "$\\alpha$ of stable noise; 2 is Gaussian, below 2 the variance is infinite"),
)  # fmt: skip


def glossary_page() -> str:
    """Words, then a table of quantities."""
    rows = [_row(row) for row in quantities() if not row.smoothed]
    words = [f"- **{word}**: {means}." for word, means in _WORDS]
    return "\n".join(
        [
            "---",
            "hide: [toc]",
            "---",
            "",
            "# Glossary",
            "",
            "Made from the table of quantities by `python -m analysis.generated`. "
            "Units and needs of each are in [quantities](quantities.md).",
            "",
            "## Words",
            "",
            *words,
            "",
            "## Quantities",
            "",
            r"$g$ is a gradient at the batch $B$ in use, $\mu$ its mean, $\Sigma$ its covariance,",
            r"$H$ the Hessian of the loss $L$, $\eta$ the rate, $D$ the diffusion, $J$ the jumps.",
            "",
            "| name in code | symbol | what it is | formula | range | not to be used |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "Smoothed series carry the same names with `_smooth`. What estimators beyond these are not",
            "to be used for: [calibration](../../analysis/calibration/README.md#which-one-not-to-use-when).",
            "",
        ]
    )


def _row(row: Quantity) -> str:
    formula, caution = NOTES.get(row.name, ("", ""))
    name = f"{row.name}.<{row.dims[-1]}>" if row.parted else row.name
    shown = f"`{name}`" + (f"<br>`{row.name}_literal`" if row.literal else "")
    symbol = row.symbol if "$" in row.symbol or len(row.symbol) == 1 else ""
    cells = (shown, symbol, row.meaning, f"${formula}$" if formula else "", _range(row), caution)
    return "| " + " | ".join(_barless(cell) for cell in cells) + " |"


def _range(row: Quantity) -> str:
    if row.words:
        return ", ".join(row.words)
    low, high = row.support
    if math.isinf(low) and math.isinf(high):
        return "any"
    return f"≥ {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def _barless(text: str) -> str:
    """A bar would end the cell; formulas have a sign of their own for it."""
    parts = text.split("$")
    return "$".join(
        p.replace("|", r"{\vert}") if i % 2 else p.replace("|", r"\|") for i, p in enumerate(parts)
    )
