"""Layers without a name number themselves; what a user names stays as it is, also where that is wrong."""

import subprocess
import sys

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError, GraphError


def image():
    return gv.data("x", np.random.default_rng(0).normal(size=(1, 14, 14)))


def learned(*outputs):
    graph = gv.graph(**{f"output{place}": one for place, one in enumerate(outputs)})
    return [leaf.path for leaf in graph.leaves if leaf.op.name == "parameter"]


def test_the_same_layers_on_top_of_one_another():
    h = nn.max_pool2d(nn.conv2d(nn.max_pool2d(nn.conv2d(image(), 2, 3), 2), 2, 3), 2)
    graph = gv.graph(nn.dense(nn.dense(nn.dense(nn.flatten(h), 3), 3), 3))
    assert [leaf.path for leaf in graph.leaves if leaf.op.name == "parameter"] == [
        "conv2d/K", "conv2d/b", "conv2d_2/K", "conv2d_2/b",
        "dense/W", "dense/b", "dense_2/W", "dense_2/b", "dense_3/W", "dense_3/b",
    ]  # fmt: skip
    scopes = {node.scope for node in graph.nodes}
    assert scopes == {"", "conv2d", "max_pool2d", "conv2d_2", "max_pool2d_2", "dense", "dense_2", "dense_3"}
    second, third = (graph.constants[graph.find(f"dense_{number}/W")] for number in (2, 3))
    assert not np.array_equal(second, third)


LAYERS = {
    "dense": lambda x: nn.dense(x, 3),
    "layer_norm": nn.layer_norm,
    "attention": lambda x: nn.attention(x, x, x),
    "multi_head": lambda x: nn.multi_head_attention(x, 1),
    "capsule": lambda x: nn.capsule(x, 3, 3),
    "embedding": lambda x: nn.embedding([0, 1, 2], 3, 3) + x,
    "random_features": lambda x: nn.random_features(x, 3),
    "reservoir": lambda x: nn.reservoir(x, 3, density=1.0),
    "autoencoder": lambda x: nn.autoencoder(x, 2).reconstruction,
    "lstm": lambda x: nn.recurrent(x, hidden=3)[0],
    "rnn": lambda x: nn.recurrent(x, "rnn", hidden=3)[0],
    "recurrent": lambda x: nn.recurrent(x, lambda x, h, **_: x + h, hidden=3)[0],
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_numbers_itself(name):
    h = gv.data("x", np.eye(3))
    for _ in range(3):
        h = LAYERS[name](h)
    graph = gv.graph(gv.unroll(gv.graph(h)) and h)
    tops = {node.scope.split("/")[0] for node in gv.unroll(graph).nodes} - {""}
    assert tops == {name, f"{name}_2", f"{name}_3"}
    assert gv.evaluate(graph).output.shape == (3, 3)


@pytest.mark.parametrize("cell", [nn.rnn_cell, nn.gru_cell, lambda x, h: nn.lstm_cell(x, h, h)[0]])
def test_cells_on_top_of_one_another_have_their_own_weights(cell):
    x, h = gv.data("x", [1.0, 2.0]), gv.data("h", [0.0, 0.0])
    one = learned(cell(x, h))
    both = learned(cell(cell(x, h), h))
    assert len(both) == 2 * len(one) == len(set(both))


def test_numbers_are_counted_in_each_scope():
    x = gv.data("x", [1.0, 2.0])
    for block in ("lower", "upper"):
        with gv.scope(block):
            x = nn.dense(nn.dense(x, 2, bias=False), 2, bias=False)
    x = nn.dense(x, 2, bias=False)
    assert learned(x) == ["lower/dense/W", "lower/dense_2/W", "upper/dense/W", "upper/dense_2/W", "dense/W"]


def test_a_scope_that_is_opened_again_goes_on_counting():
    x = gv.data("x", [1.0, 2.0])
    outputs = []
    for _ in range(2):
        with gv.scope("heads"):
            outputs.append(nn.dense(x, 2, bias=False))
    assert learned(*outputs) == ["heads/dense/W", "heads/dense_2/W"]


def test_a_number_steps_aside_for_a_name_that_is_there():
    x = gv.data("x", [1.0, 2.0])
    x = nn.dense(nn.dense(x, 2, bias=False), 2, bias=False, name="dense_2")
    with gv.scope("dense_3"):
        x = x + 1
    assert learned(nn.dense(x, 2, bias=False)) == ["dense/W", "dense_2/W", "dense_4/W"]


def test_a_scope_that_was_open_before_the_first_leaf():
    with gv.scope("dense"):
        x = gv.data("x", [1.0, 2.0])
    assert learned(nn.dense(x, 2, bias=False)) == ["dense_2/W"]


def test_a_layer_that_failed_takes_no_number():
    x = gv.data("x", [1.0, 2.0])
    first = nn.dense(x, 2, bias=False)
    for wrong in ({"activation": "rleu"}, {"init": "none"}):
        with pytest.raises(GraphError):
            nn.dense(first, 2, **wrong)
    assert learned(nn.dense(first, 2, bias=False)) == ["dense/W", "dense_2/W"]


@pytest.mark.parametrize("name", ["hidden", "dense"])
def test_a_name_given_twice_is_refused(name):
    h = nn.dense(gv.data("x", [1.0, 2.0]), 2, name="hidden" if name == "hidden" else None)
    with pytest.raises(GradvizError, match=f"two nodes are named '{name}/W'"):
        gv.graph(nn.dense(h, 2, name=name))
    pool = nn.max_pool2d(nn.max_pool2d(image(), 2, name="p") + 1, 2, name="p")
    with pytest.raises(GradvizError, match="leaves the scope 'p' and enters it again"):
        gv.graph(pool)


def test_a_cell_is_shared_by_all_steps_of_a_scan_and_numbered_from_scan_to_scan():
    x, h = gv.data("x", np.ones((4, 2))), gv.data("h", [0.0, 0.0])
    lower = gv.scan(nn.rnn_cell, x, h)
    upper = gv.scan(nn.rnn_cell, lower, h)
    assert learned(lower) == ["rnn/U", "rnn/W", "rnn/b"]
    assert learned(upper) == ["rnn/U", "rnn/W", "rnn/b", "rnn_2/U", "rnn_2/W", "rnn_2/b"]
    graph = gv.graph(gv.sum(upper))
    assert sorted(gv.compile(graph).parameters) == sorted(learned(upper))
    unrolled = gv.unroll(graph)
    assert sorted(leaf.path for leaf in unrolled.leaves if leaf.op.name == "parameter") == sorted(learned(upper))
    before = gv.compile(graph, batch=2)
    assert before.loss(x=np.ones((2, 4, 2)), h=np.zeros((2, 2))) == pytest.approx(float(gv.evaluate(graph).output))
    # nothing that compiling, batching or unrolling puts on a tape takes a number
    assert learned(nn.rnn_cell(x[0], h))[0] == "rnn_3/U"


def test_layers_in_a_cell():
    x, h = gv.data("x", np.ones((4, 2))), gv.data("h", [0.0, 0.0])

    def cell(x, h):
        with gv.scope("cell"):
            return gv.tanh(nn.dense(x, 2, bias=False) + nn.dense(h, 2, bias=False))

    once = gv.scan(cell, x, h)
    assert learned(once) == ["cell/dense/W", "cell/dense_2/W"]
    again = gv.scan(cell, x, h)
    assert learned(again) == ["cell/dense_3/W", "cell/dense_4/W"]


SCRIPT = """\
import gradviz as gv
from gradviz import nn

x, y = gv.data("x", [1.0, 2.0]), gv.data("y", [0.0, 1.0])
loss = nn.squared_error(nn.dense(nn.dense(x, 3, activation="tanh"), 2), y).named("loss")
"""


def test_a_script_gives_the_same_names_values_and_files_whenever_it_runs(tmp_path):
    from gradviz.cli.script import Script

    (tmp_path / "script.py").write_text(SCRIPT)
    files, kept = [], []
    for place in range(3):
        variables = Script(tmp_path / "script.py").run()
        kept.append(variables)  # its handles live on, as they do under --watch
        path = tmp_path / f"{place}.safetensors"
        gv.compile(gv.graph(variables["loss"])).save(path)
        files.append(path.read_bytes())
    code = f"{SCRIPT}gv.compile(gv.graph(loss)).save({str(tmp_path / 'alone.safetensors')!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {*files} == {(tmp_path / "alone.safetensors").read_bytes()}
