"""Random features (D31): the hidden layer is random and stays fixed (gray), only the last layer is learned (red).

φ(x) = √(2/n) cos(W x + b). Two spirals that no line can part: on x itself a linear classifier is right on hardly
more than half of the points, on 10 random features on less than 85 %, on 300 of them on 99 %.
"""

from typing import Any

import numpy as np

import gradviz as gv


def classifier(x: gv.Expr, y: gv.Expr, features: int) -> tuple[gv.Expr, gv.Expr]:
    """Return the hinge loss and the score of a linear classifier on so many random features; 0 for none."""
    phi = gv.nn.random_features(x, features, scale=0.5, kind="cos", name="random") if features else x
    w = gv.param("w", np.zeros(phi.size), tex=r"\mathbf{w}")
    score = (w @ phi + gv.param("c", 0.0)).named("score")
    return gv.nn.hinge(score, y).named("loss"), score


loss = classifier(gv.data("x", [0.5, -1.0]), gv.data("y", 1.0), features=3)[0]


def spirals(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return points on two spirals, and which of the two each is on, 1 or -1."""
    random = np.random.default_rng(seed)
    y = random.choice([-1.0, 1.0], count)
    angle = random.uniform(0.5, 9, count)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (y * angle / 5)[:, np.newaxis]
    return {"x": points + random.normal(0, 0.05, (count, 2)), "y": y}


def train() -> dict[str, Any]:
    """Learn on the plane itself, on few random features, and on many."""
    samples, test = spirals(1000, seed=0), spirals(1000, seed=1)
    result: dict[str, Any] = {"test": test, "layers": {}}
    for features in (0, 10, 300):
        loss, score = classifier(gv.data("x", shape=2), gv.data("y", shape=()), features)
        layer = gv.compile(gv.graph(loss=loss, score=score), batch=32)
        layer.fit(samples, optimizer="adam", learning_rate=0.05, epochs=30)
        result[f"accuracy of {features}"] = float(np.mean(layer(**test)["score"] * test["y"] > 0))
        result["layers"][features] = layer
    return result


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the points, and where each classifier says 1."""
    points, y = result["test"]["x"][:90], result["test"]["y"][:90]
    with gv.Plot(1, 3, width=8.4, height=3.3) as shown:
        theme = shown.theme
        for axes, (features, layer) in zip(shown.all_axes, result["layers"].items(), strict=True):

            def score(at: np.ndarray, layer: gv.Layer = layer) -> np.ndarray:
                return layer(x=at, y=np.ones(len(at)))["score"]

            shown.regions(axes, score, (-2.1, 2.1), (-2.1, 2.1))
            axes.plot(*points[y > 0].T, "o", color=theme.forward, markersize=2)
            axes.plot(*points[y < 0].T, "^", color=theme.parameter, markersize=2)
            axes.set(
                title=f"{features} random features" if features else "x itself", aspect="equal", xticks=(), yticks=()
            )
    return shown
