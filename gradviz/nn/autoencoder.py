"""Autoencoders, and the stacked one that is trained layer by layer.

Hinton and Salakhutdinov, 2006; Bengio et al., 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.core.build import data, graph
from gradviz.core.expr import Expr
from gradviz.core.tape import scope
from gradviz.errors import GraphError, user_location
from gradviz.nn.dense import dense
from gradviz.nn.initializers import Initializer
from gradviz.nn.losses import squared_error
from gradviz.nn.parts import Activation, Parameters, as_floats, layer, positive, wrong_shape
from gradviz.passes.evaluate import evaluate


@dataclass(frozen=True)
class Autoencoder:
    """The nodes of an autoencoder.

    Attributes:
        x: what goes in.
        code: the hidden layer.
        reconstruction: what comes out, of the shape of x.
        loss: how far that is from x, ``‖reconstruction - x‖²``.
        W, b: the encoder's parameters.
    """

    x: Expr
    code: Expr
    reconstruction: Expr
    loss: Expr
    W: Expr
    b: Expr


def autoencoder(
    x: Any,
    hidden: int,
    *,
    activation: Activation = "sigmoid",
    output_activation: Activation = None,
    tied: bool = False,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Autoencoder:
    """Return a network that learns to give back what goes in: input, hidden layer, input.

    Args:
        x: a vector (n,), or rows of vectors.
        hidden: the length of the code.
        activation: of the hidden layer.
        output_activation: of the output; none by default, for any numbers.
        tied: whether the decoder's matrix is the transpose of the encoder's.
        init: draws the matrices; biases start at 0.
        seed: of the initial values.
        name: of the scope, with the scopes "encoder" and "decoder" inside; by default "autoencoder", then
            "autoencoder_2", …

    Raises:
        ShapeError: for a scalar x.
        GraphError: for a hidden that is no positive integer.

    Example:
        >>> import gradviz as gv
        >>> found = gv.nn.autoencoder(gv.data("x", shape=64), 16)
        >>> found.code.shape, found.reconstruction.shape, found.loss.shape
        ((16,), (64,), ())
    """
    x = as_floats(x)
    with layer(name, "autoencoder") as path:
        if x.ndim == 0:
            raise wrong_shape(path, "an autoencoder takes a vector, or rows of vectors", x)
        code, W, b = _encoded(x, hidden, activation, init, seed, "encoder")
        options: dict[str, Any] = {"W": W.T} if tied else {"init": init}
        out = dense(code, x.shape[-1], activation=output_activation, seed=seed, name="decoder", **options)
        return Autoencoder(x, code, out, squared_error(out, x), W, b)


@dataclass(frozen=True)
class StackedAutoencoder:
    """The graphs of a stacked autoencoder.

    Attributes:
        stages: an autoencoder for each hidden layer. The first takes x; every other takes a data leaf
            "codes", the codes of the stage before. Each is trained alone, and its decoder thrown away.
        network: the encoders on top of one another and a last layer, which is trained with labels.

    The parameters of a stage's encoder ("layer1/W", "layer1/b", …) are the network's own: by the same
    names, what a stage has learned is where the network starts.
    """

    stages: tuple[Autoencoder, ...]
    network: Expr


def stacked_autoencoder(
    x: Any,
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: Activation = "sigmoid",
    output_activation: Activation = None,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
) -> StackedAutoencoder:
    """Return the graphs for training a deep network layer by layer, as on the slide.

    Train ``stages[0].loss`` on the inputs; compute ``stages[0].code`` of all inputs; train
    ``stages[1].loss`` on these as "codes"; and so on. At last train a loss of ``network`` with labels,
    from the parameters that the stages have learned.

    Args:
        x: a data leaf, a vector (n,).
        hidden: the lengths of the hidden layers, from below.
        outputs: how many numbers the network gives: one a class, for a cross-entropy.
        activation: of the hidden layers.
        output_activation: of the decoders' output.
        init: draws the matrices; biases start at 0.
        seed: of the initial values.

    Raises:
        ShapeError: for an x that is no vector.
        GraphError: for no hidden layer, or lengths that are no positive integers.

    Example:
        >>> import gradviz as gv
        >>> stack = gv.nn.stacked_autoencoder(gv.data("x", shape=64), [32, 16], 10)
        >>> [stage.x.name for stage in stack.stages], stack.network.shape
        (['x', 'codes'], (10,))
        >>> sorted(leaf.path for leaf in gv.graph(stack.stages[1].loss).leaves if leaf.op.name == "parameter")
        ['decoder2/W', 'decoder2/b', 'layer2/W', 'layer2/b']
    """
    x = as_floats(x)
    if x.ndim != 1:
        raise wrong_shape("stacked_autoencoder", "x must be a vector", x)
    if not hidden:
        raise GraphError("stacked_autoencoder needs at least one hidden layer", where=user_location())
    stages: list[Autoencoder] = []
    network = x
    for place, units in enumerate(hidden, 1):
        source = x if place == 1 else _as_data(stages[-1].code)
        code, W, b = _encoded(source, units, activation, init, seed, f"layer{place}")
        out = dense(code, source.size, activation=output_activation, init=init, seed=seed, name=f"decoder{place}")
        stages.append(Autoencoder(source, code, out, squared_error(out, source), W, b))
        network = code if place == 1 else dense(network, units, activation=activation, W=W, b=b, name=f"layer{place}")
    return StackedAutoencoder(tuple(stages), dense(network, outputs, init=init, seed=seed, name="output"))


def _as_data(code: Expr) -> Expr:
    """Return a leaf for a stage's codes, with the value that they have where x has one."""
    made = graph(code)
    known = all(leaf.value is not None for leaf in made.leaves)
    return data("codes", evaluate(made).output if known else None, shape=code.shape, dtype=code.dtype)


def _encoded(
    x: Expr, hidden: int, activation: Activation, init: str | Initializer, seed: int, name: str
) -> tuple[Expr, Expr, Expr]:
    """Return a dense layer with its parameters."""
    units = positive(hidden, f"{name}: hidden")
    with scope(name) as path:
        parameter = Parameters(path, x.dtype, seed)
        W, b = parameter("W", (units, x.shape[-1]), init), parameter("b", (units,), "zeros")
    return dense(x, units, activation=activation, W=W, b=b, name=name), W, b
