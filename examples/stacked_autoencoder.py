"""A stacked autoencoder (D15): each hidden layer is trained alone, as input → hidden → input, without any label.

The decoder is thrown away, the next layer learns from the codes, and at last the output layer alone learns with
labels. From 1347 of scikit-learn's digits two layers learn codes of 32 and of 16 numbers; with the labels of only a
hundred of them the last layer then reads at least 85 % of 450 others, as many as backpropagation through all layers
does with these labels. On hidden layers left as they started it reads less than half.
"""

from typing import Any

import numpy as np

import gradviz as gv

LABELED = 100


def classifier(stack: Any, **label: Any) -> Any:
    """Return the loss of the last layer."""
    return gv.nn.cross_entropy(stack.network, gv.data("label", dtype=int, **label)).named("loss")


# The slide's figure: four inputs, hidden layers of three and of two, two classes.
small = gv.nn.stacked_autoencoder(gv.data("x", [1.0, 0.0, 0.5, -1.0]), [3, 2], 2)
first = small.stages[0].loss.named("loss1", r"\mathrm{loss}_1")
second = small.stages[1].loss.named("loss2", r"\mathrm{loss}_2")
labels = classifier(small, value=1)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits, 64 numbers up to 1 each, in a random order, and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.data[order] / 16, found.target[order]


def pretrain(stack: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Train each stage alone on the codes of the one below; return all weights, and the codes at last."""
    weights: dict[str, np.ndarray] = {}
    codes = images
    for stage in stack.stages:
        layer = gv.compile(gv.graph(loss=stage.loss, code=stage.code), batch=16)
        layer.fit({stage.x.name: codes}, optimizer="adam", learning_rate=0.01, epochs=30)
        codes = layer(**{stage.x.name: codes})["code"]
        weights |= layer.parameters
    return weights


def accuracy(stack: Any, weights: dict[str, np.ndarray], learned: list[str] | None) -> float:
    """Train some of the network's parameters, or all, with labels; return how many of the others it reads right."""
    images, labels = digits()
    network = gv.compile(gv.graph(loss=classifier(stack, shape=()), scores=stack.network), batch=16, wrt=learned)
    for name in network.parameters.keys() & weights.keys():
        network.parameters[name][...] = weights[name]
    few = {"x": images[:LABELED], "label": labels[:LABELED]}
    network.fit(few, optimizer="adam", learning_rate=0.02, epochs=200)
    found = network(x=images[1347:], label=labels[1347:])["scores"].argmax(axis=1)
    return float(np.mean(found == labels[1347:]))


def train() -> dict[str, Any]:
    """Learn codes without labels, and the last layer with a few; and, to compare, without the codes."""
    stack = gv.nn.stacked_autoencoder(gv.data("x", shape=64), [32, 16], 10, output_activation="sigmoid")
    weights = pretrain(stack, digits()[0][:1347])
    last = ["output/W", "output/b"]
    return {
        "accuracy": accuracy(stack, weights, last),
        "accuracy_on_random_layers": accuracy(stack, {}, last),
        "accuracy_of_backpropagation": accuracy(stack, {}, None),
        "stack": stack,
        "weights": weights,
    }


def coded(weights: dict[str, np.ndarray], x: np.ndarray, layer: str) -> np.ndarray:
    """Return what a layer makes of its input."""
    return 1 / (1 + np.exp(-(x @ weights[f"{layer}/W"].T + weights[f"{layer}/b"])))


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw digits that were not learned from, what comes back from their codes, and what the first units look for."""
    weights, shown = result["weights"], digits()[0][1347:1355]
    codes = coded(weights, shown, "layer1")
    again = coded(weights, coded(weights, codes, "layer2"), "decoder2")
    rows = {
        "digits": shown,
        "from 32 numbers": coded(weights, codes, "decoder1"),
        "from 16 numbers": coded(weights, again, "decoder1"),
        "hidden units": weights["layer1/W"][:8],
    }
    with gv.Plot(4, 8, width=9, height=5.4) as plot:
        for axes, (title, images) in zip(np.reshape(plot.all_axes, (4, 8)), rows.items(), strict=True):
            limit = float(np.abs(images).max())
            for one, pixels in zip(axes, images, strict=True):
                plot.image(one, pixels.reshape(8, 8), low=-limit if images.min() < 0 else 0, high=limit)
            axes[0].set_title(title, loc="left")
    return plot
