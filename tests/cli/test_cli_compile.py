"""`gradviz compile` as a user calls it: source that runs without gradviz, and bad input in one line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tools import no_room

import gradviz as gv
from gradviz.cli import main

NET = """\
import gradviz as gv
from gradviz import nn

x, y = gv.data("x", shape=4, dtype=DTYPE), gv.data("y", shape=(), dtype=int)
hidden = nn.dense(x, 8, activation="tanh")
loss = nn.cross_entropy(nn.dense(hidden, 3), y).named("loss")
"""
RUN = """\
import json, sys
import numpy as np
import net_layer

assert "gradviz" not in sys.modules
given = json.loads(sys.argv[1])
parameters = [np.array(one, sys.argv[2]) for one in given["parameters"]]
x, y = np.array(given["x"], sys.argv[2]), np.array(given["y"])
loss, *slopes = net_layer.make_value_and_grad(*parameters)(x, y)
print(json.dumps([float(loss), str(slopes[0].dtype), [one.tolist() for one in slopes]]))
"""


@pytest.fixture
def net(gradviz):
    gradviz.write("net.py", NET.replace("DTYPE", "float"))
    return gradviz


@pytest.mark.parametrize(("graph", "options", "dtype"), [
    ("float", [], "float64"), ("'float32'", [], "float32"), ("float", ["--dtype", "float32"], "float32"),
])  # fmt: skip
@pytest.mark.parametrize("batch", [None, 3])
def test_the_source_runs_alone(gradviz, graph, options, dtype, batch):
    gradviz.write("net.py", NET.replace("DTYPE", graph))
    sizes = [] if batch is None else ["--batch", str(batch)]
    done = gradviz.quick("compile", "net.py", "-o", "net_layer.py", *options, *sizes)
    assert (done.returncode, done.stdout, done.stderr) == (0, "net_layer.py\n", "")
    scope = {}
    exec((gradviz.folder / "net.py").read_text(), scope)
    layer = gv.compile(gv.graph(scope["loss"]), batch=batch, dtype=dtype)
    lead = () if batch is None else (batch,)
    given = {"x": np.random.default_rng(0).normal(size=(*lead, 4)), "y": np.ones(lead, int)}
    expected, slopes = layer.value_and_grad(**given)
    told = {name: one.tolist() for name, one in given.items()}
    told["parameters"] = [one.tolist() for one in layer.parameters.values()]
    run = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(told), dtype],
        cwd=gradviz.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, kind, found = json.loads(run.stdout)
    assert (value, kind) == (pytest.approx(expected, rel=1e-6), dtype)
    for one, wanted in zip(found, slopes.values(), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-5, atol=1e-7)


def test_the_source_on_stdout_is_that_of_the_file(net):
    written = net.quick("compile", "net.py", "-o", "net_layer.py")
    printed = net.quick("compile", "net.py")
    assert (written.returncode, printed.returncode, printed.stderr) == (0, 0, "")
    assert printed.stdout == (net.folder / "net_layer.py").read_text()
    assert net.quick("compile", "net.py").stdout == printed.stdout


def test_an_expression(gradviz):
    done = gradviz.quick("compile", "-e", "max(1 - w*x*y, 0)", "--at", "w=0.5", "--at", "x=1", "--at", "y=1")
    assert done.returncode == 0, done.stderr
    compile(done.stdout, "source", "exec")


def test_compiled_loops_run_alone(net):
    for package in ("numba", "scipy"):
        pytest.importorskip(package, reason=f'{package} is not installed here (pip install "gradviz[numba]")')
    done = net.quick("compile", "net.py", "--backend", "numba", "--batch", "3", "-o", "net_layer.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "net_layer.py\n", "")
    scope = {}
    exec((net.folder / "net.py").read_text(), scope)
    layer = gv.compile(gv.graph(scope["loss"]), batch=3)
    given = {"x": np.random.default_rng(0).normal(size=(3, 4)), "y": np.ones(3, int)}
    told = {name: one.tolist() for name, one in given.items()}
    told["parameters"] = [one.tolist() for one in layer.parameters.values()]
    run = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(told), "float64"],
        cwd=net.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, _, found = json.loads(run.stdout)
    expected, slopes = layer.value_and_grad(**given)
    assert value == pytest.approx(expected, rel=1e-9)
    for one, wanted in zip(found, slopes.values(), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("command", ["compile", "train"])
@pytest.mark.parametrize("missing", ["numba", "scipy"])
def test_a_backend_that_is_not_installed(monkeypatch, capsys, tmp_path, command, missing):
    (tmp_path / "net.py").write_text(NET.replace("DTYPE", "float").replace("shape=4", "value=[1.0, 2.0, 3.0, 4.0]")
                                     .replace("shape=(),", "value=1,"), encoding="utf-8")  # fmt: skip
    monkeypatch.setattr("gradviz.compiler.printers.find_spec", lambda name: None if name == missing else name)
    assert main([command, str(tmp_path / "net.py"), "--backend", "numba"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f'gradviz: backend="numba" needs {missing}, which is not installed (pip install "gradviz[numba]")'
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["net.py", "--batch", "0"], 2, "--batch"),
        (["net.py", "--backend", "jax"], 2, "--backend"),
        (["net.py", "--dtype", "float16"], 2, "--dtype"),
        (["net.py", "--at", "v=1"], 2, "--at v"),
        (["net.py:hiden"], 1, "has no variable 'hiden' (did you mean 'hidden'?)"),
        (["none.py"], 1, "there is no file 'none.py'"),
        (["net.py", "--at", "x=1"], 1, "gradviz: 'x' has shape (4,), the value given has ()"),
        (["-e", "w*x", "--at", "w=1"], 1, "the parameter 'x' has no value (--at x=…)"),
        (["-e", "w*", "--at", "w=1"], 1, "w*"),
        (["net.py", "-o", "none/layer.py"], 1, "its folder does not exist"),
        (["net.py", "-o", "net.py/"], 1, "cannot make the folder net.py"),
        (["net.py", "-o", "a.py", "-o", "b.py"], 2, "-o is given 2 times: a.py, b.py"),
        ([], 2, "give a script"),
    ],
)
def test_bad_input(net, arguments, status, said):
    net.refuses("compile", *arguments, status=status, line=said)
    assert [path.name for path in net.folder.iterdir() if path.name != "__pycache__"] == ["net.py"]


@pytest.mark.parametrize("folder", ["new/", "."])
def test_a_folder_for_the_layer(net, folder):
    assert net.quick("compile", "net.py", "-o", folder).stdout.strip().endswith("net_layer.py")
    assert "import numpy as np" in (net.folder / folder / "net_layer.py").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="limits are other ones there")
def test_a_full_disk(net):
    net.write("old.py", "old")
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    net.refuses(
        "compile", "net.py", "-o", "old.py", status=1, line="old.py: File too large", preexec_fn=no_room, env=env
    )
    assert (net.folder / "old.py").read_text() == "old"
    assert sorted(path.name for path in net.folder.iterdir()) == ["net.py", "old.py"]
