"""torch's side: the modules a user would write, trained by ``torch.optim.SGD``, eager and under ``torch.compile``.

The recurrent layers are torch's own fused ones (``nn.LSTM``, ``nn.GRU``), whose second bias stays at zero; compiled,
they are the same cell written out, since ``torch.compile`` steps around the fused ones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from peers.problems import Arrays, LeftOut, Problem, Stepper
from torch import Tensor, nn
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def stepper(
    problem: Problem, loss: Loss, leaves: dict[str, Tensor], read: Callable[[], Arrays] | None = None
) -> Stepper:
    """Return the training step of a loss that uses some parameters."""
    optimizer = torch.optim.SGD(leaves.values(), lr=problem.learning_rate)

    def step(x: Tensor, y: Tensor) -> Any:
        optimizer.zero_grad()
        value: Any = loss(x, y)
        value.backward()
        optimizer.step()
        return value.item()

    def parameters() -> Arrays:
        return {name: leaf.detach().numpy().copy() for name, leaf in leaves.items()}

    return Stepper(step, torch.from_numpy(problem.x), torch.from_numpy(problem.y), read or parameters)


def leaves_of(problem: Problem) -> dict[str, Tensor]:
    """Return trainable copies of the parameters."""
    return {name: torch.tensor(value, requires_grad=True) for name, value in problem.parameters.items()}


def squared(score: Tensor, y: Tensor) -> Tensor:
    """Return the mean over the batch of the sum of squares."""
    return (score - y).square().sum() / len(y)


def mlp(problem: Problem, wrap: Any) -> Stepper:
    """Two dense layers."""
    p = leaves_of(problem)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        hidden = functional.linear(x, p["W1"], p["b1"]).relu()
        return functional.cross_entropy(functional.linear(hidden, p["W2"], p["b2"]), y)

    return stepper(problem, wrap(loss), p)


def fused(kind: Any) -> Callable[[Problem, Any], Stepper]:
    """Return the builder of a recurrent layer of torch's own."""

    def build(problem: Problem, _: Any) -> Stepper:
        p = leaves_of(problem)
        size = p["U"].shape[1]
        layer = kind(size, size, batch_first=True)
        layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0 = (nn.Parameter(p[name].detach()) for name in "WUb")
        layer.bias_hh_l0 = nn.Parameter(torch.zeros_like(p["b"]), requires_grad=False)
        p |= {"W": layer.weight_ih_l0, "U": layer.weight_hh_l0, "b": layer.bias_ih_l0}

        def loss(x: Tensor, y: Tensor) -> Tensor:
            outputs, _ = layer(x)
            return squared(functional.linear(outputs[:, -1], p["V"], p["a"]), y)

        return stepper(problem, loss, p)

    return build


def written_out(cell: Callable[[Tensor, tuple[Tensor, ...], Tensor], tuple[Tensor, ...]], states: int) -> Any:
    """Return the builder of a recurrent layer from its cell."""

    def build(problem: Problem, wrap: Any) -> Stepper:
        p = leaves_of(problem)

        def loss(x: Tensor, y: Tensor) -> Tensor:
            inputs = functional.linear(x, p["W"], p["b"])
            state = (torch.zeros(len(x), p["U"].shape[1]),) * states
            for z in inputs.unbind(1):
                state = cell(z, state, p["U"])
            return squared(functional.linear(state[0], p["V"], p["a"]), y)

        return stepper(problem, wrap(loss), p)

    return build


def lstm_cell(z: Tensor, state: tuple[Tensor, ...], recurrent: Tensor) -> tuple[Tensor, ...]:
    """Gates in torch's order: input, forget, candidate, output."""
    h, c = state
    i, f, g, o = (z + h @ recurrent.T).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_cell(z: Tensor, state: tuple[Tensor, ...], recurrent: Tensor) -> tuple[Tensor, ...]:
    """Gates in torch's order: reset, update, candidate; the reset gate acts after the product."""
    (h,) = state
    r, u, n = z.chunk(3, 1)
    hr, hu, hn = (h @ recurrent.T).chunk(3, 1)
    u = (u + hu).sigmoid()
    n = (n + (r + hr).sigmoid() * hn).tanh()
    return (n + u * (h - n),)


def cnn(problem: Problem, wrap: Any) -> Stepper:
    """Convolution, pooling, ReLU, twice, and a dense layer."""
    p = leaves_of(problem)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.conv2d(x, p["K1"], p["b1"]), 2).relu()
        x = functional.max_pool2d(functional.conv2d(x, p["K2"], p["b2"]), 2).relu()
        return functional.cross_entropy(functional.linear(x.flatten(1), p["W"], p["b"]), y)

    return stepper(problem, wrap(loss), p)


def attention(problem: Problem, wrap: Any) -> Stepper:
    """One product for queries, keys and values, and torch's own scaled dot-product attention."""
    p = leaves_of(problem)
    joined = torch.cat([p[name].detach() for name in ("Wq", "Wk", "Wv")]).requires_grad_()
    leaves = {"joined": joined, "Wo": p["Wo"]}

    def loss(x: Tensor, y: Tensor) -> Tensor:
        joint: Any = functional.linear(x, joined)
        heads = joint.unflatten(2, (3, problem.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_causal=True)
        return squared(functional.linear(mixed.transpose(1, 2).flatten(2), p["Wo"]), y)

    def read() -> Arrays:
        parts = np.split(joined.detach().numpy().copy(), 3)
        return dict(zip(("Wq", "Wk", "Wv"), parts, strict=True)) | {"Wo": p["Wo"].detach().numpy().copy()}

    return stepper(problem, wrap(loss), leaves, read)


def two_cars(problem: Problem, wrap: Any) -> Stepper:
    """Two logistic layers."""
    p = leaves_of(problem)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        hidden = functional.linear(x, p["W1"], p["b1"]).sigmoid()
        return squared(functional.linear(hidden, p["W2"], p["b2"]).sigmoid(), y)

    return stepper(problem, wrap(loss), p)


def hinge(problem: Problem, wrap: Any) -> Stepper:
    """The margin's distance from 1."""
    p = leaves_of(problem)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return (1 - x @ p["w"] * y).clamp(min=0).mean()

    return stepper(problem, wrap(loss), p)


FAMILIES: dict[str, Any] = {
    "mlp": mlp,
    "lstm": written_out(lstm_cell, 2),
    "gru": written_out(gru_cell, 1),
    "cnn": cnn,
    "attention": attention,
    "two_cars": two_cars,
    "hinge": hinge,
}
FUSED = {"lstm": fused(nn.LSTM), "gru": fused(nn.GRU)}


def eager(family: str, problem: Problem) -> Stepper:
    """Run as written."""
    made: Stepper = (FAMILIES | FUSED)[family](problem, lambda loss: loss)
    return made


def compiled(family: str, problem: Problem) -> Stepper:
    """Compile forward and backward; the update is the optimizer's."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise LeftOut(f"there is no C++ compiler {compiler}")
    made: Stepper = FAMILIES[family](problem, torch.compile)
    return made
