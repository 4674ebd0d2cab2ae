"""Convolution kernels (D17): a kernel times a patch, summed, is one number; from place to place, a feature map.

The slide's curve detector on its 7×7 patch gives 50·30 + 20·30 + 3·50·30 = 6600. Turned by quarters it is four
kernels, and of a ring they make four feature maps: each answers most where the ring bends its kernel's way.
"""

import numpy as np

import gradviz as gv

PATCH = [
    [0, 0, 0, 0, 0, 0, 30],
    [0, 0, 0, 0, 50, 50, 50],
    [0, 0, 0, 20, 50, 0, 0],
    [0, 0, 0, 50, 50, 0, 0],
    [0, 0, 0, 50, 50, 0, 0],
    [0, 0, 0, 50, 50, 0, 0],
    [0, 0, 0, 50, 50, 0, 0],
]
KERNEL = [
    [0, 0, 0, 0, 0, 30, 0],
    [0, 0, 0, 0, 30, 0, 0],
    [0, 0, 0, 30, 0, 0, 0],
    [0, 0, 0, 30, 0, 0, 0],
    [0, 0, 0, 30, 0, 0, 0],
    [0, 0, 0, 30, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
]

patch = gv.data("patch", PATCH)
K = gv.param("K", KERNEL, tex=r"\mathbf{K}")
response = gv.sum(K * patch).named("response")

image = gv.data("image", [[[0.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.5, 0.0, 0.0]]])
kernels = gv.param("kernels", [[[[0.0, 1.0], [1.0, 0.0]]], [[[1.0, 0.0], [1.0, 0.0]]]], tex=r"\mathbf{K}")
maps = gv.nn.conv2d(image, kernels=kernels, bias=False, name="convolution").named("maps", r"\mathrm{feature\ maps}")
strongest = gv.max(maps).named("strongest")


def ring() -> np.ndarray:
    """Draw a ring of radius 8 into an image of 28×28."""
    rows, columns = np.mgrid[:28, :28] - 13.5
    return 50 * np.exp(-np.square(np.hypot(rows, columns) - 8))


def feature_maps() -> np.ndarray:
    """Return what the four kernels make of the ring: (4, 22, 22)."""
    turned = np.stack([np.rot90(KERNEL, -quarters) for quarters in range(4)])[:, np.newaxis]
    shown = gv.data("ring", ring()[np.newaxis])
    return gv.evaluate(gv.nn.conv2d(shown, kernels=turned, bias=False)).output


def plot() -> gv.Plot:
    """Draw the sum of products, and the feature maps."""
    found = feature_maps()
    with gv.Plot(2, 4, width=11, height=6) as plot:
        upper, lower = plot.all_axes[:4], plot.all_axes[4:]
        products = np.multiply(PATCH, KERNEL)
        plot.image(upper[0], PATCH, title="patch", numbers=True)
        plot.image(upper[1], KERNEL, title="kernel", numbers=True)
        plot.image(upper[2], products, title=f"products, sum {products.sum()}", numbers=True)
        plot.image(upper[3], ring(), title="ring")
        for quarters, (axes, one) in enumerate(zip(lower, found, strict=True)):
            plot.image(axes, one, title=f"kernel turned {90 * quarters}°", high=found.max())
    return plot
