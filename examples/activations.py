"""Activation functions (D05): step and sign, the logistic function σ, tanh and ReLU, each with its derivative.

Why ReLU: it is sparse, for of random scores it leaves half at 0; it is 0 on one side and does not flatten on the
other; and it lets gradients through. The derivative of σ is at most 1/4, so that behind ten layers of it less than
0.000001 of a gradient is left; of ReLU, where it is active, all of it.
"""

from collections.abc import Callable

import numpy as np

import gradviz as gv

score = gv.data("score", 0.5)
step = gv.step(score).named("h_step", "h")
sign = gv.sign(score).named("h_sign", "h")
logistic = gv.sigmoid(score).named("h_logistic", "h")
hyperbolic = gv.tanh(score).named("h_tanh", "h")
rectified = gv.relu(score).named("h_relu", "h")

FUNCTIONS = {
    "step": gv.step,
    "sign": gv.sign,
    r"logistic $\sigma$": gv.sigmoid,
    "tanh": gv.tanh,
    "ReLU": gv.relu,
}


def curves(function: Callable[[gv.Expr], gv.Expr], scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a function and its derivative at many scores."""
    h = function(gv.data("score", scores)).named("h")
    values = gv.backprop(gv.sum(h))
    return values.forward["h"], values.grad["score"]


def left_behind(function: Callable[[gv.Expr], gv.Expr], layers: int) -> float:
    """Return what is left of a gradient behind some layers of one neuron each."""
    score = gv.data("score", 0.5)
    h = score
    for _ in range(layers):
        h = function(h)
    return float(gv.backprop(h).grad["score"])


def plot() -> gv.Plot:
    """Draw all of them."""
    left, right = np.linspace(-4, -1e-9, 80), np.linspace(1e-9, 4, 80)  # some jump at 0
    with gv.Plot(1, 5, width=12, height=2.9) as plot:
        for axes, (name, function) in zip(plot.all_axes, FUNCTIONS.items(), strict=True):
            for half, label in ((left, "$h$"), (right, "_")):
                h, slope = curves(function, half)
                axes.plot(half, h, "-", color=plot.theme.forward, label=label)
                axes.plot(half, slope, "--", color=plot.theme.derivative, label=label.replace("$h$", "derivative"))
            axes.set(title=name, ylim=(-1.3, 2.3), xticks=(-4, -2, 0, 2, 4), xlabel="score")
            axes.grid(visible=True)
        plot.all_axes[0].legend(loc="upper left")
    return plot
