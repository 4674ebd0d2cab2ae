"""Building graphs: operators, names, scopes, shapes, dtypes, and the errors that name the user's line."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.build import roots
from gradviz.core.tape import current_tape
from gradviz.errors import GradvizError, GraphError, RuleError, ShapeError


def test_square_has_two_edges():
    x = gv.param("x", 3.0)
    graph = gv.graph(x * x)
    assert list(graph.edges()) == [(1, 0, 0), (1, 1, 0)]
    assert graph.parents[0] == ((1, 0), (1, 1))
    assert gv.backprop(graph).grad["x"] == 6


def test_operators_build_what_they_say():
    x, y = gv.param("x", 2.0), gv.param("y", 3.0)
    cases = {
        x + y: 5,
        x - y: -1,
        x * y: 6,
        x / y: 2 / 3,
        x**y: 8,
        2**x: 4,
        x**2: 4,
        -x: -2,
        abs(-x): 2,
        1 + x: 3,
        1 - x: -1,
        3 * x: 6,
        1 / x: 0.5,
        x > y: 0,
        x < y: 1,
        x >= 2: 1,
        x <= 2: 1,
    }
    for node, expected in cases.items():
        assert gv.evaluate(node).output == pytest.approx(expected)


def test_numpy_on_the_left_builds_nodes():
    W = gv.param("W", [1.0, 2.0])
    for node in (np.float64(2) * W, np.array([2.0, 2.0]) * W, np.multiply(2, W), np.add(W, W)):
        assert isinstance(node, gv.Expr)
        np.testing.assert_array_equal(gv.evaluate(node).output, [2, 4])
    assert (np.ones((3, 2)) @ W).shape == (3,)
    np.testing.assert_allclose(gv.evaluate(np.exp(W)).output, np.exp([1, 2]))
    np.testing.assert_allclose(gv.evaluate(np.concatenate([W, W])).output, [1, 2, 1, 2])
    with pytest.raises(GraphError, match="is not an array"):
        np.asarray(W)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: np.sum(x, 0),
        lambda x: np.max(x, axis=1, keepdims=True),
        lambda x: np.linalg.norm(x),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.var(x, 1, ddof=1),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.concatenate([x, x], 1),
        lambda x: np.stack([x, x], axis=2),
        lambda x: np.where(x > 2, x, 0),
        lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: np.clip(x, 2, 4),
        lambda x: np.clip(x, None, 4),
        lambda x: np.pad(x, 1, mode="constant"),
        lambda x: np.pad(x, 1, constant_values=3),
        lambda x: np.take(x, [0, 1], axis=1),
    ],
)
def test_numpys_functions_mean_what_they_mean_to_numpy(use):
    value = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    np.testing.assert_allclose(gv.evaluate(use(gv.param("x", value))).output, use(value), rtol=1e-15)


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda x: np.linalg.norm(x, 1), r"numpy.linalg.norm of a node takes no ord=1 \(it takes x, axis, keepdims\)"),
        (lambda x: np.sum(x, 0, np.float32), "numpy.sum of a node takes no dtype="),
        (lambda x: np.sum(x, dtype=np.float32), "numpy.sum of a node takes no dtype="),
        (lambda x: np.pad(x, 1, mode="reflect"), "takes no mode='reflect'"),
        (lambda x: gv.clip(x, None, None), "clip takes numbers for its limits"),
        (lambda x: gv.clip(x, [1, 2], 3), "clip takes numbers for its limits"),
        (lambda x: x[x:], "a node cannot bound a slice"),
        (lambda x: x[:1.5], "1.5 cannot bound a slice"),
        (lambda x: x[True], "True is no index"),
        (gv.stack, "stack takes a list of nodes"),
        (lambda x: gv.concatenate(3), "concatenate takes a list of nodes"),
        (lambda x: gv.param("b", shape=2.0), "2.0 is no shape"),
        (lambda x: gv.param("b", shape=2, dtype="foo"), "'foo' is no dtype"),
        (lambda x: gv.param("b", _Stubborn()), "the value of 'b' is not an array of numbers: detach it first"),
        (lambda x: gv.graph(x, x=x * 2), "two outputs are named 'x'"),
        (lambda x: gv.scope("a/b").__enter__(), "holds a '/'"),
    ],
)
def test_what_is_meant_otherwise_is_refused_with_the_users_line(use, said):
    with pytest.raises(GraphError, match=said) as caught:
        use(gv.param("x", [1.0, 2.0]))
    assert caught.value.where.startswith(__file__)


class _Stubborn:
    """A tensor that wants a gradient from another library."""

    def __array__(self, *_, **__):
        raise RuntimeError("detach it first")


class _Foreign:
    """An array of another library, which knows nothing of NumPy's ``copy=``."""

    def __array__(self, dtype=None):
        return np.array([1.0, 2.0], dtype)


def test_arrays_of_other_libraries_are_copied_without_a_warning():
    x = gv.param("x", _Foreign())
    assert gv.backprop(gv.sum(x * _Foreign()), at={"x": _Foreign()}).grad["x"].tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["f8", "f4"])
def test_bytes_in_another_order_are_no_other_dtype(kind):
    given = np.array([1.0, 2.0], f">{kind}")
    x, z = gv.param("x", given), gv.data("z", shape=2, dtype=f">{kind}")
    values = gv.backprop(gv.sum(x * z), at={"z": given})
    for found in (x.dtype, z.dtype, values.forward["x"].dtype, values.grad["x"].dtype):
        assert found == np.dtype(kind)
        assert found.isnative
    assert values.grad["x"].tolist() == [1, 2]


def test_rows_of_an_array_are_a_list_of_nodes():
    assert gv.evaluate(gv.stack(np.eye(2))).output.tolist() == [[1, 0], [0, 1]]
    assert gv.evaluate(gv.clip(gv.param("x", [3.0, 1.0]), None, 2)).output.tolist() == [2, 1]


def test_unpacking_and_indexing():
    first, second = gv.param("W", [1.0, 2.0])
    assert gv.evaluate(first - second).output == -1
    with pytest.raises(GraphError, match="no length"):
        len(first)
    with pytest.raises(ShapeError, match="out of bounds"):
        gv.param("W", [1.0])[4]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (np.float32, np.float32, np.float32),
        (np.float32, np.float64, np.float64),
        (np.float32, 2.0, np.float32),
        (np.float32, 2, np.float32),
        (np.float16, 1.5, np.float16),
        (np.float64, True, np.float64),
    ],
)
def test_dtypes_are_numpys(left, right, expected):
    a = gv.param("a", np.ones(2, left))
    b = gv.param("b", np.ones(2, right)) if isinstance(right, type) else right
    values = gv.backprop(gv.sum(a * b))
    assert (a * b).dtype == expected
    assert values.output.dtype == expected
    assert values.grad["a"].dtype == left


def test_integers_become_floats_unless_asked_for():
    assert gv.data("n", [1, 2]).dtype == np.float64
    assert gv.data("n", [1, 2], dtype=int).dtype == np.dtype(int)
    assert gv.param("n", [1, 2], dtype=int).dtype == np.float64
    assert gv.exp(gv.data("n", [1, 2], dtype=int)).dtype == np.float64
    assert (gv.data("n", 3, dtype=int) * 2.5).dtype == np.float64


def test_the_callers_arrays_are_copied():
    value = np.array([1.0, 2.0])
    W = gv.param("W", value)
    graph = gv.graph(gv.sum(gv.square(W)))
    value[0] = 99
    values = gv.backprop(graph)
    assert values.output == 5
    with pytest.raises(ValueError, match="read-only"):
        values.forward["W"][0] = 7
    at = np.array([3.0, 4.0])
    gv.backprop(graph, at={"W": at})
    np.testing.assert_array_equal(at, [3, 4])


def test_names():
    x = gv.param("x", 1.0)
    y = (x + 1).named("y", tex=r"\hat{y}")
    assert y.named("y", tex=r"\hat{y}") is y
    graph = gv.graph(y)
    assert graph.node(graph.find("y")).tex == r"\hat{y}"
    with pytest.raises(GraphError, match="named 'y' already"):
        y.named("z")
    with pytest.raises(GraphError, match="two nodes are named 'x'"):
        gv.graph(x * gv.param("x", 2.0))
    for bad in ("", "  ", "\u200b", None, 3):
        with pytest.raises(GraphError):
            gv.param(bad, 1.0)


@pytest.mark.parametrize("empty", ["", "  "])
def test_latex_that_shows_nothing_is_no_latex(empty):
    x = gv.param("x_1", 1.0, tex=empty)
    graph = gv.graph(gv.sin(x).named("y", tex=empty))
    assert [name.tex for name in graph.names.values()] == ["x_{1}", "y"]


def test_a_misspelled_name_is_suggested():
    graph = gv.graph((gv.param("weight", 1.0) * 2).named("score"))
    with pytest.raises(GraphError, match="did you mean 'weight'"):
        gv.backprop(graph, at={"wieght": 3})


def test_errors_name_operation_shapes_and_line():
    W, x = gv.param("W", shape=(2, 3)), gv.data("x", shape=4)
    with pytest.raises(ShapeError) as caught:
        W @ x
    message = str(caught.value)
    assert "matmul(W (2, 3), x (4,))" in message
    assert "3 and 4" in message
    assert __file__ in message


def test_leaves_refuse_what_is_no_number():
    for bad in ("text", [[1], [1, 2]], object(), 1j, gv.param("x", 1.0)):
        with pytest.raises(GraphError):
            gv.param("W", bad)
    with pytest.raises(GraphError, match="has a value of shape"):
        gv.param("W", [1.0, 2.0], shape=3)


def test_truth_value_is_refused():
    with pytest.raises(GraphError, match="truth value"):
        bool(gv.param("x", 1.0) > 0)


def test_indicator_takes_comparisons_only():
    x = gv.data("x", 2.0)
    assert gv.evaluate(gv.indicator(x > 1)).output == 1
    with pytest.raises(GraphError, match="comparison"):
        gv.indicator(x)


def test_several_outputs():
    x = gv.param("x", 2.0)
    graph = gv.graph(double=2 * x, square=x**2)
    assert gv.backprop(graph, output="square").grad["x"] == 4
    assert gv.backprop(graph, output="double").grad["x"] == 2
    with pytest.raises(GraphError, match="2 outputs"):
        gv.backprop(graph)
    assert [node.op.name for node in gv.graph(x + 1, x * 3).nodes].count("parameter") == 1


def test_only_what_the_output_needs_is_kept():
    x = gv.param("x", 2.0)
    unused = gv.exp(x)
    graph = gv.graph(gv.sin(x))
    assert len(graph) == 2
    assert unused.name is None
    assert all(arg < node.id for node in graph.nodes for arg in node.args)


def test_scopes():
    x = gv.data("x", 1.0)
    with gv.scope("cell"):
        a = gv.sigmoid(x)
        with gv.scope("gate"):
            b = gv.tanh(a)
    graph = gv.graph(b)
    assert [node.scope for node in graph.nodes] == ["", "cell", "cell/gate"]


def test_same_operation_in_two_scopes_keeps_both():
    x, y = gv.data("x", 1.0), gv.data("y", 1.0)
    first = x * y
    with gv.scope("cell"):
        second = first * x
    third = second * y
    assert [node.scope for node in gv.graph(third).nodes if not node.op.leaf] == ["", "cell", ""]


def test_a_scope_left_and_entered_again_is_refused():
    x = gv.data("x", 1.0)
    with gv.scope("cell"):
        a = gv.sigmoid(x)
    outside = gv.tanh(a)
    with gv.scope("cell"):
        b = gv.exp(outside)
    with pytest.raises(GraphError, match="leaves the scope 'cell'"):
        gv.graph(b)


def test_equal_names_in_different_scopes():
    x = gv.data("x", 1.0)
    with gv.scope("one"):
        a = gv.exp(x).named("h")
    with gv.scope("two"):
        b = gv.sin(a).named("h")
    graph = gv.graph(out=b)
    assert gv.evaluate(graph).forward["one/h"] == pytest.approx(np.e)
    with pytest.raises(GraphError, match="say which: one/h, two/h"):
        graph.find("h")


def test_roots_of_a_script():
    x = gv.param("x", 1.0)
    a = x + 1
    b = a * 2
    c = a * 3
    assert list(roots({"x": x, "a": a, "b": b, "again": b, "c": c, "n": 3})) == ["b", "c"]
    assert list(roots({"x": x})) == ["x"]
    assert roots({"n": 3}) == {}


def test_the_tape_goes_with_its_last_handle():
    def build():
        x = gv.param("x", 1.0)
        for _ in range(100):
            x = x + 1
        lengths.append(len(current_tape().rows))

    lengths = []
    gc.disable()
    try:
        worker = threading.Thread(target=lambda: (build(), build()))
        worker.start()
        worker.join()
    finally:
        gc.enable()
    assert lengths == [201, 201]  # no collection was needed to begin anew


def test_threads_have_tapes_of_their_own():
    mine = gv.param("x", 1.0)
    theirs = []
    worker = threading.Thread(target=lambda: theirs.append(gv.param("y", 2.0)))
    worker.start()
    worker.join()
    with pytest.raises(GradvizError, match="different threads"):
        mine + theirs[0]


def test_primitives_of_the_user():
    if "cube" not in gv.core.primitive.REGISTRY:
        gv.primitive("cube", symbol=r"(\cdot)^3", forward=lambda xp, x: x**3, partials=(lambda xp, f, x: 3 * x**2,))
    try:
        cube = gv.core.primitive.REGISTRY["cube"]
        assert gv.backprop(cube(gv.param("x", 2.0))).grad["x"] == 12
        with pytest.raises(GraphError, match="declared already"):
            gv.primitive("cube", symbol="", forward=abs, partials=(abs,))
        with pytest.raises(GraphError, match="declared already"):
            gv.primitive("data", symbol="", forward=abs, partials=(abs,))
        with pytest.raises(GraphError, match="Python's own"):
            gv.primitive("__doc__", symbol="", forward=abs, partials=(abs,))
        with pytest.raises(GraphError, match="either partials"):
            gv.primitive("other", symbol="", forward=abs)
        with pytest.raises(GraphError, match="no tuple"):
            gv.primitive("other", symbol="", forward=abs, partials=abs)
    finally:
        del gv.core.primitive.REGISTRY["cube"], gv.core.primitive.FUNCTIONS["cube"]


@pytest.mark.parametrize("value", [3.0, [1.0, 2.0, 3.0]])
@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"vjp": lambda xp, g, f, x: 2 * g * x}, r"the vjp of mine gives .* a tuple with one entry an argument"),
        ({"vjp": lambda xp, g, f, x: None}, "the vjp of mine gives None"),
        ({"partials": (lambda xp, f, x: [2 * x],)}, r"partial 1 of mine gives \["),
        ({"partials": (lambda xp, f, x: None,)}, "partial 1 of mine gives None"),
        ({"partials": (abs,), "shape": lambda shape: 1 // 0}, "the shape rule of mine failed: ZeroDivisionError"),
        ({"partials": (abs,), "shape": lambda: ()}, "the shape rule of mine failed: TypeError"),
        ({"partials": (abs,), "shape": lambda shape: (1.5,)}, r"the shape rule of mine gives \(1.5,\)"),
    ],
)
def test_rules_that_give_something_else_are_refused(rules, said, value):
    try:
        mine = gv.primitive("mine", symbol="s", forward=lambda xp, x: x * x, **rules)
        x = gv.param("x", value)
        for use in (gv.backprop, lambda loss: gv.derivative(loss, "x")):
            with pytest.raises(RuleError, match=said) as caught:
                use(gv.sum(mine(x)))
            assert caught.value.where.startswith(__file__)
    finally:
        del gv.core.primitive.REGISTRY["mine"], gv.core.primitive.FUNCTIONS["mine"]


def test_a_shape_may_be_a_list():
    try:
        rules = {"forward": lambda xp, x: xp.sum(x, (0,)), "vjp": lambda xp, g, f, x: [xp.broadcast_to(g, xp.shape(x))]}
        mine = gv.primitive("mine", symbol="s", shape=lambda shape: [], **rules)
        assert gv.backprop(mine(gv.param("x", [1.0, 2.0]))).grad["x"].tolist() == [1, 1]
    finally:
        del gv.core.primitive.REGISTRY["mine"], gv.core.primitive.FUNCTIONS["mine"]
