"""The source of a layer: a file that stands alone, computes the layer's numbers, and is short enough to be read."""

import ast
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn

RNG = np.random.default_rng(0)
LINES = 210
"""Of a one-layer LSTM with its loss, gradients and step."""
RUN = """\
import sys
import numpy as np
import layer

assert "gradviz" not in sys.modules
given, taken = np.load("given.npz"), np.load("parameters.npz")
whole = {name: taken[name] for name in taken}
inputs = [given[name] for name in given]
found = {}
for number, one in enumerate(layer.make_forward(*layer_parameters(layer.make_forward, whole))(*inputs)):
    found[f"forward_{number}"] = one
for number, one in enumerate(layer.make_value_and_grad(*layer_parameters(layer.make_value_and_grad, whole))(*inputs)):
    found[f"gradient_{number}"] = one
rate = np.array(0.1, whole["dtype"].dtype)
step = layer.make_step(*layer_parameters(layer.make_step, whole))
found["before"] = step(*inputs, rate)[0]
found["after"] = step(*inputs, rate)[0]
np.savez("found.npz", **found)
"""
TAKE = """\
import inspect


def layer_parameters(make, whole):
    if list(inspect.signature(make).parameters) == ["parameters"]:
        return [whole["parameters"].copy()]
    return [whole[f"p{number}"].copy(order="A") for number in range(len(whole) - 2)]


"""


def recurrent(cell, steps=6, features=3, hidden=4, **options):
    """Return the error of the last state of a cell that was repeated along a sequence."""
    made = {"lstm": nn.lstm_cell, "gru": nn.gru_cell, "rnn": nn.rnn_cell}[cell]
    x, zeros = gv.data("x", shape=(steps, features)), gv.constant(np.zeros(hidden))
    h = gv.scan(partial(made, name=cell, **options), x, (zeros,) * (2 if cell == "lstm" else 1))[0]
    return gv.graph(loss=nn.squared_error(h[-1], gv.data("y", shape=hidden)))


def with_label(scores):
    return gv.graph(loss=nn.cross_entropy(scores, gv.data("label", shape=(), dtype=int)))


def image_network():
    h = gv.data("x", shape=(1, 12, 12))
    for filters in (3, 4):
        h = nn.max_pool2d(nn.conv2d(h, filters, 3, activation="relu"), 2)
    return with_label(nn.dense(nn.flatten(h), 5))


def attention():
    x, y = gv.data("x", shape=(6, 8)), gv.data("y", shape=(6, 8))
    return gv.graph(loss=nn.squared_error(nn.multi_head_attention(x, 2, mask="causal"), y))


def words():
    numbers = gv.data("words", shape=5, dtype=int)
    outputs = nn.recurrent(nn.embedding(numbers, 7, 3), hidden=4, bidirectional=True)[0]
    return with_label(nn.dense(nn.layer_norm(outputs[-1]), 5))


def stacked():
    outputs = nn.recurrent(gv.data("x", shape=(5, 3)), cell="lstm", hidden=4, layers=2)[0]
    return gv.graph(loss=gv.sum(outputs[-1]))


def capsules():
    return gv.graph(loss=gv.sum(gv.square(nn.capsule(gv.data("u", shape=(6, 4)), capsules=3, dim=4, routing=2))))


def neuron():
    w, x, y = gv.param("w", [0.2, 0.3]), gv.data("x", shape=2), gv.data("y", shape=())
    return gv.graph(loss=gv.square(gv.tanh(w @ x) - y))


def wide():
    return with_label(nn.dense(nn.dense(gv.data("x", shape=40), 30, activation="relu"), 5))


LAYERS = {
    "lstm": partial(recurrent, "lstm"),
    "lstm, large": partial(recurrent, "lstm", hidden=32),
    "lstm with peepholes": partial(recurrent, "lstm", peephole="fio"),
    "lstm, coupled": partial(recurrent, "lstm", coupled=True),
    "gru": partial(recurrent, "gru"),
    "gru, reset after": partial(recurrent, "gru", reset_after=True),
    "rnn": partial(recurrent, "rnn"),
    "one step": partial(recurrent, "lstm", steps=1),
    "images": image_network,
    "attention": attention,
    "words": words,
    "stacked": stacked,
    "capsules": capsules,
    "neuron": neuron,
    "wide": wide,
}


def inputs_of(layer, batch):
    lead = () if batch is None else (batch,)
    return {
        name: RNG.normal(size=(*lead, *shape)) if layer.input_dtypes[name].kind == "f"
        else RNG.integers(3, size=(*lead, *shape))
        for name, shape in layer.inputs.items()
    }  # fmt: skip


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_the_file_runs_alone_and_computes_what_the_layer_does(tmp_path, make, batch):
    layer = gv.compile(make(), batch=batch)
    inputs = inputs_of(layer, batch)
    parameters = {f"p{number}": one for number, one in enumerate(layer.parameters.values())}
    parameters["parameters"] = np.concatenate([one.reshape(-1) for one in layer.parameters.values()])
    np.savez(tmp_path / "parameters.npz", dtype=np.zeros(0, layer.dtype), **parameters)
    np.savez(tmp_path / "given.npz", **inputs)
    (tmp_path / "layer.py").write_text(layer.source, encoding="utf-8")
    call = [sys.executable, "-c", TAKE + RUN]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found = np.load(tmp_path / "found.npz")
    np.testing.assert_array_equal(found["forward_0"], layer(**inputs))
    value, gradients = layer.value_and_grad(**inputs)
    assert found["gradient_0"] == value
    for number, gradient in enumerate(gradients.values(), 1):
        np.testing.assert_array_equal(found[f"gradient_{number}"], gradient)
    assert [found["before"], found["after"]] == [layer.step(0.1, **inputs) for _ in range(2)]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_files_have_no_name_that_is_undefined_or_unused(tmp_path, backend):
    pytest.importorskip("ruff", reason="ruff is not installed here")
    if backend == "numba":
        pytest.importorskip("numba", reason='numba is not installed here (pip install "gradviz[numba]")')
        pytest.importorskip("scipy", reason='scipy is not installed here (pip install "gradviz[numba]")')
    for name, make in LAYERS.items():
        for batch in (None, 3):
            source = gv.compile(make(), batch=batch, backend=backend).source
            (tmp_path / f"{name} {batch}.py").write_text(source, encoding="utf-8")
    call = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F", str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_printed_step_takes_the_rate_as_a_number(dtype):
    label = gv.data("label", shape=(), dtype=int)
    loss = nn.cross_entropy(nn.dense(gv.data("x", shape=300), 10, name="out"), label)
    layer = gv.compile(loss, dtype=dtype, batch=1)
    scope = {}
    exec(compile(layer.source, "<layer>", "exec"), scope)
    given = [one.copy() for one in layer.parameters.values()]
    x, label = RNG.normal(size=(1, 300)).astype(dtype), np.array([3])
    assert scope["make_step"](*given)(label, x, 1e-3)[0] == pytest.approx(layer.step(1e-3, x=x, label=label))
    for found, one in zip(given, layer.parameters.values(), strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-5)


def test_an_lstm_of_a_thousand_steps_is_short():
    short, long = (gv.compile(recurrent("lstm", steps, 16, 64), batch=32).source for steps in (3, 1000))
    assert long.count("\n") <= LINES
    assert abs(short.count("\n") - long.count("\n")) <= 5
    assert max(map(len, long.splitlines())) <= 120


def test_the_source_says_the_formulas_of_the_graph():
    source = gv.compile(recurrent("lstm", 1000, 16, 64), batch=32).source
    gradients = source.split("def make_gradients")[1]
    for formula in (
        "# f_t = σ(W_f @ [h_t_before, x] + b_f)",
        "# i_t = σ(W_i @ [h_t_before, x] + b_i)",
        "# C_tilde = tanh(W_C @ [h_t_before, x] + b_C)",
        "# C_t = f_t * C_t_before + i_t * C_tilde",
        "# h_t = o_t * tanh(C_t)",
        "# The rows of W_f, W_i, W_o, W_C: one product is all of theirs",
        "# Memory",
        "# Forward",
        "# Backward",
    ):
        assert gradients.count(formula) == 1, source
    assert "W_f is lstm/forget_gate/W_f (64,80)" in gradients


def test_a_formula_in_a_comment_is_what_the_line_computes():
    w, x = gv.param("w", RNG.normal(size=2000)), gv.data("x", shape=2000)
    source = gv.compile(gv.graph(gv.sum((w - 1) * (w + x) / 2))).source
    said = [line.partition("  # ") for line in source.splitlines() if "  # " in line]
    assert said
    scope = {name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide")}
    numbers = {"two": 2.0, "half": 0.5, "one": 1.0}
    checked = 0
    for code, _, formula in said:
        tree = ast.parse(code.strip())
        called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - scope.keys()
        arrays = {name: numbers.get(name, RNG.normal(size=2000)) for name in sorted(called)}
        if " = " in formula and isinstance(tree.body[0], ast.Expr) and ".dot" not in code:
            expected = eval(formula.partition(" = ")[2], {}, arrays)
            np.testing.assert_allclose(eval(code.strip(), scope, arrays), expected, rtol=1e-12)
            checked += 1
    assert checked


TAKEN = [
    "steps", "steps_back", "h_steps", "x_steps", "h_t_steps", "memory", "room", "parts", "gradients", "parameters",
    "changes", "change", "rate", "loss_1", "d", "d_W", "a", "b", "row", "cycle", "zip", "list", "forward", "step",
    "value_and_grad", "make_gradients", "weights", "learning_rate", "concatenate", "half", "one", "ones_3", "n",
]  # fmt: skip


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("kind", ["parameter", "input"])
def test_no_name_of_the_source_hides_one_of_the_users(taken, kind):
    W, x = gv.param("W", np.full((3, 5), 0.1)), gv.data("x", shape=(6, 2))
    other = gv.param(taken, np.full(3, 0.2)) if kind == "parameter" else gv.data(taken, shape=3)
    h = gv.scan(lambda row, h: gv.tanh(W @ gv.concatenate([h, row]) + other), x, np.zeros(3))
    graph = gv.graph(loss=gv.sum(gv.square(h)))
    inputs = {"x": RNG.normal(size=(6, 2))} | ({} if kind == "parameter" else {taken: np.full(3, 0.2)})
    layer = gv.compile(graph)
    plain = gv.backprop(graph, at=inputs)
    value, gradients = layer.value_and_grad(**inputs)
    assert value == pytest.approx(float(plain.output), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-10)
    if taken != "learning_rate" or kind == "parameter":
        assert layer.step(0.1, **inputs) == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(layer.parameters["W"], 0.1 - 0.1 * gradients["W"], rtol=1e-10)


def test_memory_begins_with_a_line_of_the_cache():
    x, y = gv.data("x", shape=30), gv.data("y", shape=())
    graph = gv.graph(loss=gv.square(gv.sum(nn.dense(x, 40, activation="tanh")) - y))
    layer = gv.compile(graph, batch=5, dtype=np.float32)
    scope = {}
    exec(layer.source, scope)
    step = scope["make_gradients"](*layer.parameters.values())
    buffers = [cell.cell_contents for cell in step.__closure__ if isinstance(cell.cell_contents, np.ndarray)]
    large = [array for array in [*buffers, *layer.parameters.values()] if array.size > 20]
    assert len(large) > 3
    assert all(array.ctypes.data % 64 == 0 for array in large)


def test_a_name_of_the_users_is_kept_when_its_memory_is_used_again():
    v, m, D = gv.data("v", shape=(2, 4)), gv.data("m", shape=(2, 2)), gv.param("D", RNG.normal(size=(2, 4, 2)))
    found = gv.einsum("jk,jkl->jl", gv.tanh(v), D).named("found")
    graph = gv.graph(loss=gv.sum(gv.square(found - m)))
    layer = gv.compile(graph, batch=32)
    inputs = {"v": RNG.normal(size=(32, 2, 4)), "m": RNG.normal(size=(32, 2, 2))}
    value, gradients = layer.value_and_grad(**inputs)
    plain = gv.backprop(gv.batched(graph, 32, mean=["loss"]), at=inputs, output="loss")
    assert value == pytest.approx(float(plain.forward["loss"]))
    np.testing.assert_allclose(gradients["D"], plain.grad["D"], rtol=1e-9)
    assert "subtract(found, m, " in layer.source


def test_a_comment_in_loops_within_loops_is_not_broken():
    x = gv.data("x" * 21, shape=(4, 3, 50))

    def inner(u, h):
        return gv.where(gv.greater(u, h + 0.0123), h, gv.tanh(u))

    states = gv.scan(lambda row, h: gv.tanh(gv.scan(inner, row, h)[-1]), x, np.zeros(50))
    source = gv.compile(gv.graph(loss=gv.sum(states)), wrt=["x" * 21]).source
    ast.parse(source)
    assert max(map(len, source.splitlines())) <= 120


def test_gradients_are_called_after_the_variables_of_their_leaves():
    x = gv.data("x", shape=(6, 30))
    h = nn.dense(nn.dense(x, 20, activation="tanh"), 10, activation="relu")
    source = gv.compile(gv.graph(loss=gv.sum(nn.dense(h, 5)))).source
    assert "def make_gradients(W, b, W_1, b_1, W_2, b_2):" in source
    assert "return loss, d_W, d_b, d_W_1, d_b_1, d_W_2, d_b_2,\n" in source
    assert "W_1_T" in source


def test_comparisons_are_written_as_mathematics():
    w, x = gv.param("w", np.linspace(-1, 1, 900)), gv.data("x", shape=900)
    graph = gv.graph(loss=gv.sum((w * (w > x)).named("kept") * (x <= 0.5 * w) * gv.relu(w)))
    source = gv.compile(graph).source
    assert "# kept = w * (w > x)" in source
    comments = [line.partition("# ")[2] for line in source.splitlines()]
    assert not [text for text in comments if "gt(" in text or "le(" in text or "less" in text]


def test_helpers_are_taken_along_only_where_they_are_called():
    source = gv.compile(gv.graph(loss=gv.logsumexp(gv.param("W", np.ones((30, 30)))))).source
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert "logsumexp" in functions
    assert not {"max", "sum"} & set(functions)


def test_constants_of_a_float32_layer_are_as_they_were_written():
    w, weights = gv.param("w", np.ones(900)), np.where(np.arange(900) % 3, 0.1, -np.inf)
    graph = gv.graph(loss=gv.sum(w * -0.05), masked=gv.maximum(w * weights, -1e30) * 0.7, shown=w * 0.3)
    layer = gv.compile(graph, dtype="float32")
    for number in ("-0.05", "0.1", "0.7", "0.3"):
        assert number in layer.source
    assert "00000" not in layer.source
    np.testing.assert_allclose(layer()["shown"], np.full(900, 0.3, "float32"), rtol=1e-7)
