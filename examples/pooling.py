"""Pooling (D18): a block of the image becomes its largest number, or its mean; so 10×10 become 1×1.

Backward, all of the gradient goes to the place of the largest, or the same part of it to every place.
"""

import numpy as np

import gradviz as gv

block = gv.data("block", [[1.0, 3.0], [2.0, 9.0]])
largest = gv.max(block).named("largest")
average = gv.mean(block).named("average")

POOLS = {"max": gv.nn.max_pool2d, "mean": gv.nn.avg_pool2d}


def image() -> np.ndarray:
    """Draw a ring into an image of 10×10."""
    rows, columns = np.mgrid[:10, :10]
    return 100 * np.exp(-0.7 * np.square(np.hypot(rows - 4.13, columns - 4.68) - 3))


def pooled(kind: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what pooling makes of the image, and the gradient of its sum by the image."""
    x = gv.data("x", image()[np.newaxis])
    values = gv.backprop(gv.sum(POOLS[kind](x, size).named("y")))
    return values.forward["y"][0], values.grad["x"][0]


def plot() -> gv.Plot:
    """Draw the image, pooled by 2×2 and by 10×10, and where the gradient goes."""
    with gv.Plot(2, 4, width=11, height=6) as plot:
        for kind, row in zip(POOLS, np.reshape(plot.all_axes, (2, 4)), strict=True):
            small, gradient = pooled(kind, 2)
            plot.image(row[0], image(), title="image, 10×10", high=100)
            plot.image(row[1], small.round(), title=f"{kind} of 2×2", numbers=True, high=100)
            plot.image(row[2], pooled(kind, 10)[0].round(), title=f"{kind} of 10×10", numbers=True, high=100)
            plot.image(row[3], gradient, title=f"gradient, {kind} of 2×2", high=1)
    return plot
