"""Checkpoints that somebody else has written, or has written into: told in a line, and nothing changes."""

import errno
import tempfile

import numpy as np
import pytest

import gradviz as gv
from gradviz.compiler.weights import read_tensors, write_tensors
from gradviz.errors import FileError

DATA = {"x": np.arange(4.0)}
OPTIONS = {"optimizer": "adam", "validation": DATA, "progress": False}


def layer():
    w, x = gv.param("w", 0.0), gv.data("x", shape=())
    return gv.compile(gv.graph(loss=gv.square(w - x)), batch=2)


@pytest.fixture
def whole(tmp_path):
    layer().fit(DATA, epochs=2, checkpoint=tmp_path / "run.safetensors", **OPTIONS)
    return read_tensors(tmp_path / "run.safetensors")


def refused(path, tensors, facts, said):
    write_tensors(path, tensors, facts)
    before, made = path.read_bytes(), layer()
    with pytest.raises(FileError, match=said) as caught:
        made.fit(DATA, epochs=3, checkpoint=path, **OPTIONS)
    assert "\n" not in str(caught.value)
    assert caught.value.where.startswith(__file__)
    assert made.parameters["w"] == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["epoch", "done", "updates", "settings", "kind"])
@pytest.mark.parametrize("value", [None, "x", -1, 1.5, [1], {}])
def test_facts(whole, tmp_path, name, value):
    tensors, facts = whole
    said = (
        "is no whole checkpoint: it does not say where|was written with optimizer=None|is no checkpoint of a training"
    )
    refused(tmp_path / "bad.safetensors", tensors, facts | {name: value}, said)
    refused(tmp_path / "bad.safetensors", tensors, {key: one for key, one in facts.items() if key != name}, said)


def test_a_place_beyond_the_history(whole, tmp_path):
    tensors, facts = whole
    for place in ({"epoch": 3}, {"epoch": 1}, {"done": 1}, {"done": 10**9}):
        said = "its history of [123] epochs has other losses|does not say where"
        refused(tmp_path / "bad.safetensors", tensors, facts | place, said)


def test_arrays(whole, tmp_path):
    tensors, facts = whole
    path = tmp_path / "bad.safetensors"
    for name in tensors:
        if not name.startswith("best/"):  # there need be no best one
            rest = {key: one for key, one in tensors.items() if key != name}
            refused(path, rest, facts, "its history of 2 epochs has other|has no 'w'|has no '")
        refused(path, tensors | {name: np.zeros((2, 3))}, facts, "its history|has shape|its best parameters are not")
        refused(path, tensors | {name: tensors[name].astype("f4")}, facts, "its history|is float32|its best parameters")
    refused(path, tensors | {"parameters/w": np.array(np.nan)}, facts, "the parameter 'w' is not finite")


def test_what_is_whole_goes_on(whole, tmp_path):
    tensors, facts = whole
    write_tensors(tmp_path / "run.safetensors", tensors, facts)
    straight, resumed = layer(), layer()
    straight.fit(DATA, epochs=3, **OPTIONS)
    resumed.fit(DATA, epochs=3, checkpoint=tmp_path / "run.safetensors", **OPTIONS)
    assert straight.parameters["w"].tobytes() == resumed.parameters["w"].tobytes()


def test_a_disk_that_fills_up_while_it_learns(tmp_path, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.train._GLANCE", -1.0)
    monkeypatch.setattr("gradviz.compiler.checkpoint.Checkpoint.EVERY", -1.0)
    make, made = tempfile.mkstemp, []

    def mkstemp(**options):
        made.append(options)
        if len(made) > 4:  # the one at the start, and those after three steps
            raise OSError(errno.ENOSPC, "No space left on device")
        return make(**options)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    path, learning = tmp_path / "run.safetensors", layer()
    with pytest.raises(FileError, match="cannot write .*run.safetensors: No space left on device .free some space"):
        learning.fit(DATA, epochs=5, checkpoint=path, **OPTIONS)
    monkeypatch.undo()
    assert [one.name for one in tmp_path.iterdir()] == ["run.safetensors"]
    tensors, facts = read_tensors(path)
    assert (facts["updates"], len(tensors["history/losses"])) == (3, 3)
    assert learning.parameters["w"] != tensors["parameters/w"]  # the step after it is not lost either
    resumed, straight = layer(), layer()
    resumed.fit(DATA, epochs=5, checkpoint=path, **OPTIONS)
    straight.fit(DATA, epochs=5, **OPTIONS)
    assert resumed.parameters["w"].tobytes() == straight.parameters["w"].tobytes()
