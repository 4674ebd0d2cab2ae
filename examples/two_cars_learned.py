"""Two cars, learned (D04): the signs become logistic functions, and v₁, v₂, w follow the gradient from (x, y) alone.

h₁ = σ(v₁·φ(x)), h₂ = σ(v₂·φ(x)), score = w·[1, h₁, h₂], y = sign(|x₁ - x₂| - 1); the loss of a margin is
ln(1 + exp(-margin)). Of a thousand places that were not learned from, at least 98 % are told right.
"""

from typing import Any

import numpy as np

import gradviz as gv

random = np.random.default_rng(2)
phi = gv.data("phi", [1.0, 3.0, 1.0], tex=r"\phi(x)")  # [1, x₁, x₂]
y = gv.data("y", 1.0)
v1 = gv.param("v1", random.normal(size=3).round(2), tex=r"\mathbf{v}_1")
v2 = gv.param("v2", random.normal(size=3).round(2), tex=r"\mathbf{v}_2")
w = gv.param("w", random.normal(size=3).round(2), tex=r"\mathbf{w}")

h1 = gv.sigmoid(v1 @ phi).named("h1")
h2 = gv.sigmoid(v2 @ phi).named("h2")
score = (w @ gv.stack([gv.constant(1.0), h1, h2])).named("score")
margin = (score * y).named("margin")
loss = gv.softplus(-margin).named("loss")

training = {"learning_rate": 0.5, "epochs": 200, "batch_size": 10}


def places(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return random places of the two cars, and whether they are at a safe distance."""
    x1, x2 = np.random.default_rng(seed).uniform(0, 5, (2, count))
    return {"phi": np.stack([np.ones(count), x1, x2], axis=1), "y": np.sign(np.abs(x1 - x2) - 1)}


def dataset() -> dict[str, np.ndarray]:
    """Return what is learned from."""
    return places(400, seed=0)


def validation() -> dict[str, np.ndarray]:
    """Return what is not."""
    return places(1000, seed=1)


def train() -> dict[str, Any]:
    """Learn, and count how many of the other places are told right."""
    layer = gv.compile(gv.graph(loss=loss, score=score), batch=training["batch_size"])
    history = layer.fit(dataset(), **training)
    seen = validation()
    right = np.sign(layer(**seen)["score"]) == seen["y"]
    return {"accuracy": float(right.mean()), "layer": layer, "history": history}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the decision, the two lines it is made of, and the samples."""
    samples = dataset()
    layer = result["layer"]
    with gv.Plot(width=5, height=4.4) as plot:
        plot.regions(plot.axes, lambda x: layer(phi=np.insert(x, 0, 1, axis=1), y=x[:, 0])["score"], (0, 5), (0, 5))
        for kind, mark, color in ((1, "+", plot.theme.forward), (-1, ".", plot.theme.parameter)):
            chosen = samples["phi"][samples["y"] == kind]
            plot.axes.plot(*chosen[:, 1:].T, mark, color=color, markersize=5)
        for name in ("v1", "v2"):
            v = layer.parameters[name]
            ends = np.array([0, 5])
            line = -(v[0] + v[1] * ends) / v[2]
            plot.axes.plot(ends, line, "--", color=plot.theme.derivative, linewidth=1.2)
            label = rf"$\mathbf{{v}}_{name[1]} \cdot \phi(x) = 0$"
            plot.axes.text(
                2.7,
                line[0] + 2.7,
                label,
                color=plot.theme.derivative,
                bbox={"fc": plot.theme.paper, "ec": "none", "pad": 1},
                rotation=42,
                ha="center",
                va="center",
            )
        plot.axes.set(xlabel="$x_1$", ylabel="$x_2$")
    return plot
