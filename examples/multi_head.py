"""Attention of several heads (D29): each attends with matrices of its own; what they find is joined, [H_1, H_2] W_o.

Which letter stands one place before, and which three? Two heads learn to look at one of the two each, and say
both without a mistake. One head, as wide as both, finds a mixture of the letters; it misses one in five.
"""

from typing import Any

import numpy as np

import gradviz as gv

LENGTH, LETTERS, WIDTH, BACK = 12, 5, 16, (1, 3)


def attend(x: gv.Expr, heads: int, width: int) -> gv.Expr:
    """Return the numbers that so many heads find at each place of a sequence, joined: (length, heads · width)."""
    random = np.random.default_rng(0)
    found = []
    for head in range(1, heads + 1):
        with gv.scope(f"head{head}"):
            Q, K, V = (x @ matrix(random, x.shape[1], width, letter, head) for letter in "qkv")
            for part, name in ((Q, "Q"), (K, "K"), (V, "V")):
                part.named(name, f"{name}_{head}")
            found.append(gv.nn.attention(Q, K, V, mask="causal", name="attention").named("H", f"H_{head}"))
    return gv.concatenate(found, axis=1).named("joined", f"[{', '.join(f'H_{i}' for i in range(1, heads + 1))}]")


def matrix(random: np.random.Generator, rows: int, columns: int, letter: str, head: int) -> gv.Expr:
    """Return a matrix to learn of one head."""
    start = random.normal(0, rows**-0.5, (rows, columns)).round(2)
    return gv.param(f"W_{letter}", start, tex=rf"\mathbf{{W}}_{letter}^{{({head})}}")


x = gv.data("x", [[1.0, 0.0], [0.5, -1.0]])
W_o = gv.param("W_o", [0.6, -0.4], tex=r"\mathbf{W}_o")
loss = gv.nn.squared_error(attend(x, heads=2, width=1) @ W_o, gv.data("y", [0.0, 1.0])).named("loss")


def network(heads: int) -> gv.Graph:
    """Return the graph that reads letters and says, from the fourth place on, which stood one and three before."""
    letters = gv.data("letters", shape=LENGTH, dtype=int)
    places = gv.param("places", np.random.default_rng(1).normal(0, 0.3, (LENGTH, WIDTH)))
    x = gv.nn.embedding(letters, LETTERS, WIDTH, name="embedding") + places
    scores = gv.nn.dense(attend(x, heads, WIDTH // heads)[max(BACK) :], len(BACK) * LETTERS, name="W_o")
    scores = gv.reshape(scores, (LENGTH - max(BACK), len(BACK), LETTERS))
    before = gv.data("before", shape=scores.shape[:2], dtype=int)
    return gv.graph(loss=gv.nn.cross_entropy(scores, before), scores=scores)


def sequences(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return random letters, and for each from the fourth on those that stand before it."""
    letters = np.random.default_rng(seed).integers(0, LETTERS, (count, LENGTH))
    before = [letters[:, max(BACK) - back : LENGTH - back] for back in BACK]
    return {"letters": letters, "before": np.stack(before, axis=2)}


def train() -> dict[str, Any]:
    """Let two heads learn, and one that is as wide as both."""
    test = sequences(500, seed=1)
    result: dict[str, Any] = {}
    for heads in (1, 2):
        layer = gv.compile(network(heads), batch=32)
        layer.fit(sequences(1000, seed=0), optimizer="adam", learning_rate=0.01, epochs=30)
        right = layer(**test)["scores"].argmax(axis=3) == test["before"]
        result[f"accuracy of {heads}"] = float(right.mean())
    inside = gv.evaluate(layer.graph, at={name: one[0] for name, one in test.items()}).forward
    return result | {"weights": [inside[f"head{head}/attention/weights"] for head in (1, 2)]}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw where the two heads look in one sequence."""
    with gv.Plot(1, 2, width=7.4, height=4.1) as shown:
        for head, (axes, weights) in enumerate(zip(shown.all_axes, result["weights"], strict=True), start=1):
            shown.image(axes, weights, title=f"weights of head {head}", low=-1, high=1, lines=True)
            axes.set_xticks(range(LENGTH), range(1, LENGTH + 1))
            axes.set_yticks(range(LENGTH), range(1, LENGTH + 1))
            axes.set_xlabel("place looked at")
        shown.axes.set_ylabel("place looking")
    return shown
