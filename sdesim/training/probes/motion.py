"""How a step of each of torch's optimizers depends on the gradient: the one table of their linear forms.

With its scales P held fixed, the step of an optimizer is u = u₀ − A g: u₀ is what its memory and its weight
decay do by themselves, A = η a/P what this gradient does now. Over all later steps the gradient moves θ by
Ā = η e/P. Lion, Rprop and Muon take signs or singular vectors, Adafactor divides by the
size of the whole step: they have no such form and are not here.

Sources, by torch's own update rules: SGD, heavy ball and Nesterov, Sutskever et al., ICML (2013); Adam,
Kingma & Ba, arXiv 1412.6980; AdamW, Loshchilov & Hutter, arXiv 1711.05101; NAdam, Dozat, ICLR workshop
(2016); RAdam, Liu et al., arXiv 1908.03265; RMSprop, Hinton's lecture 6e with momentum as in torch; Adagrad,
Duchi et al., JMLR 12 (2011); Adamax, section 7.1 of Kingma & Ba; Adadelta, Zeiler, arXiv 1212.5701;
ASGD as in torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Group = dict[str, Any]
State = dict[str, Any]
# Largest share of one gradient's square in P² at which P counts as held fixed.
YOUNG = 0.05


@dataclass(frozen=True)
class Motion:
    """How one parameter moves under its group's settings and its own state.

    Attributes:
        precondition: P, a number or like the parameter; None: not known before the first step.
        gain: k, which sets the threshold ηkλ/P < 2 of the curvature λ.
        now: a, of the step that comes; whole: e, of all steps together.
        memory: what the step makes of the state alone, in units of −η/P, like the parameter; None: nothing.
        momentum: β of heavy ball. lookahead: the same where the step looks ahead, else 0.
        shrink: of θ itself beside the gradient, in units of η, what the group's weight decay is not.
        share: how much of P² the square of one gradient makes up at the step that comes.
    """

    precondition: Tensor | float | None
    gain: float
    now: float = 1.0
    whole: float = 1.0
    memory: Tensor | None = None
    momentum: float = 0.0
    lookahead: float = 0.0
    shrink: float = 0.0
    share: float = 0.0


Rule = Callable[[Group, State], Motion]


def _sgd(group: Group, state: State) -> Motion:
    """m ← βm + (1 − t)g, θ ← θ − ηm; with Nesterov θ ← θ − η(g + βm). The first m is g itself."""
    beta, t = float(group["momentum"]), float(group["dampening"])
    if not beta:
        return Motion(1.0, 1.0)
    held = state.get("momentum_buffer")
    new = 1.0 if held is None else 1 - t
    memory = None if held is None else beta * held
    if group["nesterov"]:
        return Motion(
            1.0, (1 + 2 * beta) / (1 + beta), 1 + beta * new, 1 / (1 - beta),
            None if memory is None else beta * memory, beta, beta,
        )  # fmt: skip
    return Motion(1.0, (1 - t) / (1 + beta), new, (1 - t) / (1 - beta), memory, beta)


def _adam(group: Group, state: State) -> Motion:
    """θ ← θ − η m̂/P, P = √v̂ + eps; of AMSGrad √ of the largest v."""
    beta1, beta2 = map(float, group["betas"])
    gain = (1 - beta1) / (1 + beta1)
    if "exp_avg_sq" not in state:
        return Motion(None, gain)
    step, left = _steps(state), 1 - beta1 ** (_steps(state) + 1)
    moment = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    precondition = torch.sqrt(moment / (1 - beta2**step)) + group["eps"]
    memory = beta1 / left * state["exp_avg"] if beta1 else None
    return Motion(precondition, gain, (1 - beta1) / left, 1.0, memory, beta1, share=_share(beta2, step))


def _nadam(group: Group, state: State) -> Motion:
    """θ ← θ − η [(1 − μ_t) g/(1 − Πμ) + μ_{t+1} m/(1 − μ_{t+1}Πμ)]/P, μ_t = β₁(1 − ½·0.96^{tψ})."""
    beta1, beta2 = map(float, group["betas"])
    gain = (1 - beta1) * (1 + 2 * beta1) / (1 + beta1)
    if "exp_avg_sq" not in state:
        return Motion(None, gain)
    step, psi = _steps(state), float(group["momentum_decay"])
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** ((step + k) * psi)) for k in (1, 2))
    product = float(state["mu_product"]) * mu
    of_mean = ahead / (1 - product * ahead)
    return Motion(
        torch.sqrt(state["exp_avg_sq"] / (1 - beta2**step)) + group["eps"], gain,
        (1 - mu) / (1 - product) + of_mean * (1 - beta1), 1 - mu + ahead, of_mean * beta1 * state["exp_avg"],
        beta1, beta1, _share(beta2, step),
    )  # fmt: skip


def _radam(group: Group, state: State) -> Motion:
    """θ ← θ − η r_t m̂/√v̂ where the variance of v̂ can be told (ρ_t > 5), else θ ← θ − η m̂."""
    beta1, beta2 = map(float, group["betas"])
    if "exp_avg_sq" not in state:
        return Motion(None, (1 - beta1) / (1 + beta1))
    step = _steps(state)
    left, longest = 1 - beta1 ** (step + 1), 2 / (1 - beta2) - 1
    length = longest - 2 * (step + 1) * beta2 ** (step + 1) / (1 - beta2 ** (step + 1))
    precondition: Tensor | float = 1.0
    if length > 5:
        bend = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        unbiased = (torch.sqrt(state["exp_avg_sq"]) + group["eps"]) / (1 - beta2**step) ** 0.5
        precondition = unbiased / bend**0.5
    return Motion(
        precondition, (1 - beta1) / (1 + beta1), (1 - beta1) / left, 1.0, beta1 / left * state["exp_avg"],
        beta1, share=_share(beta2, step) if length > 5 else 0.0,
    )  # fmt: skip


def _adamax(group: Group, state: State) -> Motion:
    """θ ← θ − η m̂/P, P the running largest |g|."""
    beta1 = float(group["betas"][0])
    gain = (1 - beta1) / (1 + beta1)
    if "exp_inf" not in state:
        return Motion(None, gain)
    left = 1 - beta1 ** (_steps(state) + 1)
    share = 1 / (_steps(state) + 1)
    memory = beta1 / left * state["exp_avg"]
    return Motion(state["exp_inf"], gain, (1 - beta1) / left, 1.0, memory, beta1, share=share)


def _rmsprop(group: Group, state: State) -> Motion:
    """m ← βm + g/P, θ ← θ − ηm, P = √v + eps; v less the square of the mean where it is centred."""
    beta, alpha = float(group["momentum"]), float(group["alpha"])
    gain, whole = 1 / (1 + beta), 1 / (1 - beta)
    if "square_avg" not in state:
        return Motion(None, gain, 1.0, whole)
    moment = state["square_avg"]
    if group["centered"]:
        moment = moment - state["grad_avg"] ** 2
    precondition = torch.sqrt(moment) + group["eps"]
    memory = beta * state["momentum_buffer"] * precondition if beta else None
    return Motion(precondition, gain, 1.0, whole, memory, beta, share=_share(alpha, _steps(state)))


def _adagrad(group: Group, state: State) -> Motion:
    """θ ← θ − η g/(P (1 + t·lr_decay)), P = √(sum of all g²) + eps."""
    done = _steps(state)
    if done == 0.0:
        return Motion(None, 1.0)
    slowed = 1 / (1 + done * group["lr_decay"])
    precondition = torch.sqrt(state["sum"]) + group["eps"]
    return Motion(precondition, slowed, slowed, slowed, share=1 / (done + 1))


def _adadelta(group: Group, state: State) -> Motion:
    """θ ← θ − η g/P, P = √((v + eps)/(u + eps)) of running means v of g² and u of (g/P)²."""
    if "square_avg" not in state:
        return Motion(None, 1.0)
    eps = group["eps"]
    precondition = torch.sqrt((state["square_avg"] + eps) / (state["acc_delta"] + eps))
    return Motion(precondition, 1.0, share=_share(float(group["rho"]), _steps(state)))


def _asgd(group: Group, state: State) -> Motion:
    """θ ← θ − λη_t θ − η_t g; η_t is kept from the step before, and is η at first."""
    eta = float(group["lr"])
    now = float(state["eta"]) / eta if "eta" in state and eta else 1.0
    return Motion(1.0, now, now, now, shrink=now * float(group["lambd"]))


def _steps(state: State) -> float:
    return float(state.get("step", 0.0))


def _share(beta: float, step: float) -> float:
    """(1 − β)/(1 − β^{t+1}), which one square weighs in the mean of t + 1."""
    return (1 - beta) / (1 - beta ** (step + 1)) if beta < 1 else 0.0


RULES: dict[type, Rule] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.NAdam: _nadam,
    torch.optim.RAdam: _radam,
    torch.optim.Adamax: _adamax,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
    torch.optim.Adadelta: _adadelta,
    torch.optim.ASGD: _asgd,
}


def rule_of(optimizer: Any) -> Rule | None:
    """The linear form of an optimizer: that of the table, or its own method ``motion(group, state)``; None
    where there is none."""
    own: Rule | None = getattr(optimizer, "motion", None)
    return RULES.get(type(optimizer)) if own is None else own
