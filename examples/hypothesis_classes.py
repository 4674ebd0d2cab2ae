"""Hypothesis classes (D02): H₁ = {x → w₁x} and H₂ = {x → w₁x + w₂x²}, compared by the best hypothesis in each.

One feature more makes the class larger: on points about a parabola the best of H₂, found by gradient descent, has less
than a tenth of the loss of the best of H₁. To ask for a small ‖W‖ as well makes the class smaller: the larger λ, the
smaller the W that is found, and the larger its loss.
"""

from typing import Any

import numpy as np

import gradviz as gv

x, y = gv.data("x", 2.0), gv.data("y", -1.0)
w1, w2 = gv.param("w1", 0.5), gv.param("w2", -0.1)
shrinking = gv.data("lambda", 0.1, tex=r"\lambda")

linear = gv.square(w1 * x - y).named("loss1", r"\mathrm{loss}")
quadratic = gv.square(w1 * x + w2 * gv.square(x) - y).named("loss2", r"\mathrm{loss}")

h = (w1 * x + w2 * gv.square(x)).named("h")
norm = gv.nn.l2(w1, w2).named("norm", r"\|\mathbf{W}\|^2")
regularized = (gv.square(h - y) + shrinking * norm).named("loss3", r"\mathrm{loss}")

training = {"learning_rate": 0.05, "epochs": 300, "batch_size": 40}
STRENGTHS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def dataset() -> dict[str, np.ndarray]:
    """Return points about the parabola x/2 - x²."""
    random = np.random.default_rng(0)
    x = random.uniform(-2, 2, 40)
    return {"x": x, "y": x / 2 - x**2 + random.normal(0, 0.3, 40)}


def best(loss: gv.Expr, **given: float) -> tuple[np.ndarray, float]:
    """Return the weights of the best hypothesis in a class, and its squared loss."""
    samples = dataset()
    layer = gv.compile(loss, batch=40, shared=given)
    layer.fit(samples | given, **training)
    weights = np.array(list(layer.parameters.values()))
    phi = np.stack([samples["x"], samples["x"] ** 2][: len(weights)])
    return weights, float(np.square(weights @ phi - samples["y"]).mean())


def train() -> dict[str, Any]:
    """Find the best of each class, and of the classes that a term λ‖W‖² leaves."""
    shrunk = [best(regularized, **{"lambda": strength}) for strength in STRENGTHS]
    return {"linear": best(linear), "quadratic": best(quadratic), "shrunk": shrunk}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the best hypotheses, and what is left of them as λ grows."""
    samples = dataset()
    line = np.linspace(-2, 2)
    with gv.Plot(columns=2, width=9, height=3.8) as plot:
        left, right = plot.all_axes
        left.plot(samples["x"], samples["y"], ".", color=plot.theme.quiet)
        for name, title in (("linear", r"best of $\mathcal{H}_1$"), ("quadratic", r"best of $\mathcal{H}_2$")):
            weights, loss = result[name]
            powers = np.stack([line, line**2][: len(weights)])
            left.plot(line, weights @ powers, label=f"{title}, loss {loss:.2f}")
        left.legend()
        left.set(xlabel="$x$", ylabel="$y$")
        norms = [np.linalg.norm(weights) for weights, _ in result["shrunk"]]
        right.semilogx(STRENGTHS, norms, marker="o", label=r"$\|\mathbf{W}\|$")
        right.semilogx(STRENGTHS, [loss for _, loss in result["shrunk"]], marker="o", label="loss")
        right.legend()
        right.set(xlabel=r"$\lambda$", title=r"$\mathrm{loss} + \lambda \|\mathbf{W}\|^2$ is minimized")
    return plot
