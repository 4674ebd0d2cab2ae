"""Learning the weights (D14): the samples one by one (online), in batches, or all of them before each step.

A line w·φ(x), with φ(x) = [1, x], learns from forty noisy points. After one epoch online learning, by then forty
steps old, is within 0.1 of the smallest loss, and all samples at once, one step old, are more than 2 above it. After
forty epochs it is the other way round: online learning still wanders about, all samples at once are within 0.0001.
"""

from typing import Any

import numpy as np

import gradviz as gv

w = gv.param("w", [0.0, 0.0], tex=r"\mathbf{w}")
phi = gv.data("phi", [1.0, 2.0], tex=r"\phi(x)")
y = gv.data("y", 3.0)

score = (w @ phi).named("score")
loss = gv.square(score - y).named("loss")

COUNT = 40
training = {"learning_rate": 0.1, "epochs": 40, "batch_size": 1}


def dataset() -> dict[str, np.ndarray]:
    """Return points about the line -1 + 2x."""
    random = np.random.default_rng(0)
    x = random.uniform(-2, 3, COUNT)
    return {"phi": np.stack([np.ones(COUNT), x], axis=1), "y": -1 + 2 * x + random.normal(0, 0.7, COUNT)}


def learn(batch_size: int) -> np.ndarray:
    """Return the weights at the start and after each step; `layer.fit` makes the same loops."""
    samples, random = dataset(), np.random.default_rng(1)
    layer = gv.compile(loss, batch=batch_size)
    course = [layer.parameters["w"].copy()]
    for _ in range(training["epochs"]):
        order = random.permutation(COUNT)
        for start in range(0, COUNT, batch_size):
            chosen = order[start : start + batch_size]
            layer.step(training["learning_rate"], phi=samples["phi"][chosen], y=samples["y"][chosen])
            course.append(layer.parameters["w"].copy())
    return np.array(course)


def train() -> dict[str, Any]:
    """Learn in three ways; give the weights of each, and their loss over all samples, step by step."""
    samples = dataset()
    courses = {size: learn(size) for size in (1, 8, COUNT)}
    best, *_ = np.linalg.lstsq(samples["phi"], samples["y"], rcond=None)

    def loss_of(weights: np.ndarray) -> np.ndarray:
        return np.square(weights @ samples["phi"].T - samples["y"]).mean(axis=-1)

    losses = {size: loss_of(course) for size, course in courses.items()}
    return {"courses": courses, "losses": losses, "best": best, "least": float(loss_of(best)), "loss_of": loss_of}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the ways of the weights over the loss, and the losses by epoch."""
    names = {1: "online", 8: "batches of 8", COUNT: "all samples"}
    with gv.Plot(columns=2, width=9, height=4) as plot:
        left, right = plot.all_axes
        w1, w2 = np.meshgrid(np.linspace(-1.7, 1.2, 50), np.linspace(-0.2, 3, 50))
        heights = result["loss_of"](np.stack([w1, w2], axis=-1))
        left.contour(w1, w2, heights, np.geomspace(0.6, 12, 7), colors=plot.theme.faint_line, linewidths=0.8)
        for size, course in result["courses"].items():
            shown = course[: 2 * COUNT + 1] if size == 1 else course  # it would hide the others
            left.plot(*shown.T, linewidth=1 if size == 1 else 1.8, label=names[size])
            right.plot(result["losses"][size][:: COUNT // size] - result["least"], label=names[size])
        left.plot(*result["best"], "+", color=plot.theme.ink, markersize=12)
        left.set(title="weights", xlabel="$w_1$", ylabel="$w_2$")
        right.set(title="loss above the smallest", xlabel="epoch", yscale="log")
        right.legend()
    return plot
