"""Masked self-attention (D28): softmax(Q Kᵀ / √d + M) V; -∞ in the mask M forbids to look at what comes later.

The letters of a sequence repeat with a period of four; the next one is to be said. From the fourth place on it
can be known, and after training every one is right: a place has learned to look three, seven or eleven places back.
"""

from typing import Any

import numpy as np

import gradviz as gv

LENGTH, PERIOD, LETTERS, WIDTH = 12, 4, 5, 16


def attend(x: gv.Expr) -> gv.Expr:
    """Return what each place of a sequence (length, width) makes of itself and of those before it."""
    Q, K, V = (x @ matrix(x.shape[1], letter, seed) for seed, letter in enumerate("qkv"))
    for part, name in ((Q, "Q"), (K, "K"), (V, "V")):
        part.named(name)
    return gv.nn.attention(Q, K, V, mask="causal", name="attention")


def matrix(width: int, letter: str, seed: int) -> gv.Expr:
    """Return a square matrix to learn."""
    start = np.random.default_rng(seed).normal(0, width**-0.5, (width, width)).round(2)
    return gv.param(f"W_{letter}", start, tex=rf"\mathbf{{W}}_{letter}")


loss = gv.nn.squared_error(
    attend(gv.data("x", [[1.0, 0.0], [0.5, -1.0]])), gv.data("y", [[0.0, 1.0], [1.0, 0.0]])
).named("loss")


def network() -> gv.Graph:
    """Return the graph that reads letters and says the next one at each place."""
    letters = gv.data("letters", shape=LENGTH, dtype=int)
    places = gv.param("places", np.random.default_rng(1).normal(0, 0.3, (LENGTH, WIDTH)))
    x = gv.nn.embedding(letters, LETTERS, WIDTH, name="embedding") + places
    scores = gv.nn.dense(attend(x), LETTERS, name="dense")
    following = gv.data("next", shape=LENGTH, dtype=int)
    return gv.graph(loss=gv.nn.cross_entropy(scores, following), scores=scores)


def sequences(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return random letters that repeat, and what comes next at each place."""
    word = np.random.default_rng(seed).integers(0, LETTERS, (count, PERIOD))
    repeated = np.tile(word, (1, LENGTH // PERIOD + 1))
    return {"letters": repeated[:, :LENGTH], "next": repeated[:, 1 : LENGTH + 1]}


def train() -> dict[str, Any]:
    """Learn to continue sequences."""
    layer = gv.compile(network(), batch=32)
    history = layer.fit(sequences(1000, seed=0), optimizer="adam", learning_rate=0.01, epochs=25)
    test = sequences(500, seed=1)
    right = layer(**test)["scores"].argmax(axis=2) == test["next"]
    one = {name: values[0] for name, values in test.items()}
    inside = gv.evaluate(layer.graph, at=one).forward
    return {
        "history": history,
        "accuracy where it can be known": float(right[:, PERIOD - 1 :].mean()),
        "mask": inside["attention/mask"],
        "weights": inside["attention/weights"],
        "letters": one["letters"],
    }


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the mask, and the weights of attention in one sequence."""
    names = ["ABCDE"[letter] for letter in result["letters"]]
    with gv.Plot(1, 2, width=7.6, height=4.3) as shown:
        mask, weights = shown.all_axes
        shown.image(mask, result["mask"], title="mask: 0, and −∞ where hatched", lines=True)
        shown.image(weights, result["weights"], title="weights of attention", low=-1, high=1, lines=True)
        for axes in shown.all_axes:
            axes.set_xticks(range(LENGTH), names)
            axes.set_yticks(range(LENGTH), names)
            axes.set_xlabel("looked at")
        mask.set_ylabel("looking")
    return shown
