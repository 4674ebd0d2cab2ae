"""One step of a recurrent network: RNN, LSTM and GRU cells, as on the slides.

A cell takes the input x_t and the state of the step before, both vectors, and returns the new state.
Each call makes parameters of its own; `gradviz.nn.recurrent` repeats one cell along a sequence, with the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.tape import scope
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Activation, Parameters, activated, as_floats, layer, positive, wrong_shape
from gradviz.ops.activation import sigmoid
from gradviz.ops.elementwise import tanh
from gradviz.ops.shape import concatenate

GATES = ("f", "i", "o")


def rnn_cell(
    x: Any,
    h: Any,
    *,
    hidden: int | None = None,
    activation: Activation = "tanh",
    bias: bool = True,
    init: str | Initializer = "glorot_uniform",
    recurrent_init: str | Initializer = "orthogonal",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return ``h_t = f(U x_t + W h_{t-1} + b)`` (the slides call the state s_t).

    Args:
        x: the input, a vector (n,).
        h: the state before, a vector (hidden,).
        hidden: the length of the state; by default that of h.
        activation: f, "tanh" or "relu" on the slide, or any other.
        bias: whether there is a b.
        init, recurrent_init: draw U and W.
        seed: of the initial values.
        name: of the scope, in which the parameters are called U, W and b; by default "rnn", then "rnn_2", …

    Returns:
        The new state (hidden,).

    Raises:
        ShapeError: for an x or h that is no vector, or an h of another length than hidden.

    Example:
        >>> import gradviz as gv
        >>> h = gv.nn.rnn_cell(gv.data("x", [1.0, 2.0]), gv.data("h", [0.0, 0.0, 0.0]))
        >>> h.shape, sorted(gv.graph(h).paths)
        ((3,), ['h', 'rnn/U', 'rnn/W', 'rnn/b', 'rnn/h_t', 'x'])
    """
    with layer(name, "rnn") as path:
        x, h = _vector(path, "x", x), _vector(path, "h", h)
        size = _hidden(path, hidden, h=h)
        parameter = Parameters(path, x.dtype, seed)
        score = parameter("U", (size, x.size), init) @ x + parameter("W", (size, size), recurrent_init) @ h
        if bias:
            score = score + parameter("b", (size,), "zeros")
        return activated(score, activation).named("h_t")


def lstm_cell(
    x: Any,
    h: Any,
    C: Any,
    *,
    hidden: int | None = None,
    peephole: bool | Collection[str] = (),
    coupled: bool = False,
    bias: bool = True,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> tuple[Expr, Expr]:
    """Return the output h_t and the cell state C_t of a long short-term memory.

    As on the slides (Hochreiter and Schmidhuber, 1997; the forget gate by Gers et al., 2000)::

        f_t = σ(W_f·[h_{t-1}, x_t] + b_f)        i_t = σ(W_i·[h_{t-1}, x_t] + b_i)
        C̃_t = tanh(W_C·[h_{t-1}, x_t] + b_C)     C_t = f_t * C_{t-1} + i_t * C̃_t
        o_t = σ(W_o·[h_{t-1}, x_t] + b_o)        h_t = o_t * tanh(C_t)

    A gate with a peephole also sees the cell state, each unit its own, by a vector of weights (Gers and
    Schmidhuber, 2000): f and i see C_{t-1}, o sees C_t. Coupled gates forget as much as they write:
    ``C_t = f_t * C_{t-1} + (1 - f_t) * C̃_t``.

    Args:
        x: the input, a vector (n,).
        h, C: the output and the cell state before, vectors (hidden,).
        hidden: the length of the states; by default that of h.
        peephole: True for all gates, or some of "f", "i", "o"; their weights are p_f, p_i, p_o.
        coupled: whether the input gate is 1 - f_t.
        bias: whether there are b_f, b_i, b_C, b_o. b_f starts at 1, so that a cell remembers at first
            (Jozefowicz et al., 2015), the others at 0.
        init: draws the matrices and the peepholes' weights.
        seed: of the initial values.
        name: of the scope; by default "lstm", then "lstm_2", …

    Returns:
        (h_t, C_t), each (hidden,).

    Raises:
        ShapeError: for arguments that are no vectors, or states of another length than hidden.
        GraphError: for a peephole of a gate that there is not.

    Example:
        >>> import gradviz as gv
        >>> x, h, C = gv.data("x", [1.0, 2.0]), gv.data("h", [0.0] * 3), gv.data("C", [0.0] * 3)
        >>> h_t, C_t = gv.nn.lstm_cell(x, h, C, peephole="o")
        >>> h_t.shape, [leaf.name for leaf in gv.graph(h_t).leaves if leaf.op.name == "parameter"]
        ((3,), ['W_f', 'b_f', 'W_i', 'b_i', 'W_C', 'b_C', 'W_o', 'p_o', 'b_o'])
    """
    with layer(name, "lstm") as path:
        x, h, C = _vector(path, "x", x), _vector(path, "h", h), _vector(path, "C", C)
        size = _hidden(path, hidden, h=h, C=C)
        seen = _peepholes(path, peephole, coupled)
        parameter = Parameters(path, x.dtype, seed)
        hx = concatenate([h, x]).named("hx_t", r"[h_{t-1}, x_t]")

        def learned(part: str, letter: str, function: Callable[[Expr], Expr], state: Expr | None = None) -> Expr:
            """The yellow box: a matrix on what comes in, a bias, an activation function."""
            with scope(part):
                score = parameter(f"W_{letter}", (size, hx.size), init) @ hx
                if state is not None and letter in seen:
                    score = score + parameter(f"p_{letter}", (size,), init) * state
                if bias:
                    score = score + parameter(f"b_{letter}", (size,), "zeros", start=float(letter == "f"))
                return function(score)

        f = learned("forget_gate", "f", sigmoid, C).named("f_t")
        i = 1 - f if coupled else learned("input_gate", "i", sigmoid, C).named("i_t")
        candidate = learned("candidate", "C", tanh).named("C_tilde", r"\tilde{C}_t")
        C_t = (f * C + i * candidate).named("C_t")
        o = learned("output_gate", "o", sigmoid, C_t).named("o_t")
        return (o * tanh(C_t)).named("h_t"), C_t


def gru_cell(
    x: Any,
    h: Any,
    *,
    hidden: int | None = None,
    reset_after: bool = False,
    bias: bool = True,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return the new state of a gated recurrent unit (Cho et al., 2014).

    As on the slides, which leave the biases out::

        z_t = σ(W_z·[h_{t-1}, x_t] + b_z)        r_t = σ(W_r·[h_{t-1}, x_t] + b_r)
        h̃_t = tanh(W·[r_t * h_{t-1}, x_t] + b)   h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t

    With ``reset_after``, as other libraries have it: ``h̃_t = tanh(W_x x_t + b_x + r_t * (W_h h_{t-1} + b_h))``.
    (Some of them also mean 1 - z_t by z_t; negative W_z and b_z make one of the other.)

    Args:
        x: the input, a vector (n,).
        h: the state before, a vector (hidden,).
        hidden: the length of the state; by default that of h.
        reset_after: whether the reset gate acts after the product with the state's matrix.
        bias: whether there are biases; they start at 0.
        init: draws the matrices.
        seed: of the initial values.
        name: of the scope; by default "gru", then "gru_2", …

    Returns:
        The new state (hidden,).

    Raises:
        ShapeError: for an x or h that is no vector, or an h of another length than hidden.

    Example:
        >>> import gradviz as gv
        >>> h = gv.nn.gru_cell(gv.data("x", [1.0, 2.0]), gv.data("h", [0.0] * 3), bias=False)
        >>> [leaf.name for leaf in gv.graph(h).leaves if leaf.op.name == "parameter"]
        ['W_z', 'W_r', 'W']
    """
    with layer(name, "gru") as path:
        x, h = _vector(path, "x", x), _vector(path, "h", h)
        size = _hidden(path, hidden, h=h)
        parameter = Parameters(path, x.dtype, seed)
        hx = concatenate([h, x]).named("hx_t", r"[h_{t-1}, x_t]")

        def affine(v: Expr, index: str) -> Expr:
            score = parameter(f"W{index}", (size, v.size), init) @ v
            return score + parameter(f"b{index}", (size,), "zeros") if bias else score

        with scope("update_gate"):
            z = sigmoid(affine(hx, "_z")).named("z_t")
        with scope("reset_gate"):
            r = sigmoid(affine(hx, "_r")).named("r_t")
        with scope("candidate"):
            if reset_after:
                score = affine(x, "_x") + r * affine(h, "_h")
            else:
                reset = concatenate([r * h, x]).named("rhx_t", r"[r_t \odot h_{t-1}, x_t]")
                score = affine(reset, "")
            candidate = tanh(score).named("h_tilde", r"\tilde{h}_t")
        new: Expr = (1 - z) * h + z * candidate
        return new.named("h_t")


def _vector(path: str, what: str, value: Any) -> Expr:
    handle = as_floats(value)
    if handle.ndim != 1:
        hint = "nn.recurrent takes a sequence" if what == "x" and handle.ndim == 2 else None
        raise wrong_shape(path, f"{what} must be a vector", handle, hint)
    return handle


def _hidden(path: str, hidden: int | None, **states: Expr) -> int:
    """Return the length of the states, which all must have."""
    size = next(iter(states.values())).size if hidden is None else positive(hidden, f"{path}: hidden")
    for name, state in states.items():
        if state.size != size:
            raise ShapeError(f"{path}: the state {name} has {state.size} units, not {size}", where=user_location())
    return size


def _peepholes(path: str, wanted: bool | Collection[str], coupled: bool) -> tuple[str, ...]:
    gates = tuple(gate for gate in GATES if not (coupled and gate == "i"))
    if isinstance(wanted, bool):
        return gates if wanted else ()
    for gate in wanted:
        if gate not in gates:
            hint = "coupled gates have no input gate" if gate == "i" else f"the gates are {', '.join(gates)}"
            raise GraphError(f"{path}: there is no gate {gate!r} for a peephole", where=user_location(), hint=hint)
    return tuple(wanted)
