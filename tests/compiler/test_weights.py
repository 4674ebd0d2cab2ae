"""Files of parameters: what is written is read again, what is wrong is said in a line, and nothing is lost."""

import json
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from reference_layer import ReferenceLayer

import gradviz as gv
from gradviz.compiler.train import fit
from gradviz.compiler.weights import load, save
from gradviz.core.files import check_room
from gradviz.errors import FileError, UsageError


class Parameters:
    """The least that a layer may be, for files."""

    def __init__(self, **arrays):
        self.parameters = {name.replace("__", "/"): np.array(one) for name, one in arrays.items()}

    def copies(self):
        return {name: one.copy() for name, one in self.parameters.items()}


def layer(fill=0.0):
    return Parameters(dense__W=np.full((2, 3), fill), dense__b=np.full(3, fill), scale=np.float64(fill))


def same(layer, copies):
    for name, one in layer.parameters.items():
        np.testing.assert_array_equal(one, copies[name])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "layer.safetensors"
    save(layer(1.5), path)
    return path


def test_there_and_back(tmp_path):
    random = np.random.default_rng(0)
    made = Parameters(
        W=random.normal(size=(3, 4)),
        turned=random.normal(size=(3, 4)).T,
        strided=random.normal(size=10)[::3],
        half=np.float32([1.5, -0.0, 1e-40]),
        scalar=np.float64(np.pi),
        none=np.zeros((0, 3)),
        **{"größe": [1.0]},
    )
    assert save(made, tmp_path / "x.safetensors") == tmp_path / "x.safetensors"
    other = Parameters(**{name: np.zeros_like(one) for name, one in made.parameters.items()})
    live = dict(other.parameters)
    load(other, str(tmp_path / "x.safetensors"))
    for name, one in made.parameters.items():
        assert other.parameters[name] is live[name]
        assert other.parameters[name].tobytes() == one.tobytes(), name


def test_other_programs_read_it_and_write_it(saved, tmp_path):
    from safetensors.numpy import load_file, save_file

    read = load_file(saved)
    assert read.keys() == layer().parameters.keys()
    assert (read["dense/W"] == 1.5).all()
    save_file(
        {name: np.asarray(one * 2) for name, one in read.items()},
        tmp_path / "foreign.safetensors",
        {"made": "elsewhere"},
    )
    made = layer()
    load(made, tmp_path / "foreign.safetensors")
    same(made, layer(3.0).parameters)


def test_the_same_parameters_give_the_same_bytes(saved, tmp_path):
    for _ in range(5):
        save(layer(1.5), tmp_path / "again.safetensors")
        assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Parameters(dense__W=np.ones((2, 3)), dense__b=np.ones(3)), "has 'scale', which the layer has not"),
        (Parameters(dense__w=np.ones((2, 3)), dense__b=np.ones(3)), r"has no 'dense/w' \(did you mean 'dense/W'\?\)"),
        (Parameters(gate=np.ones(1)), r"has no 'gate' \(it has dense/W, dense/b, scale\)"),
        (
            Parameters(dense__W=np.ones((3, 2)), dense__b=np.ones(3), scale=1.0),
            r"'dense/W' has shape \(2, 3\) in .*layer.safetensors, and \(3, 2\) in the layer",
        ),
        (
            Parameters(dense__W=np.ones((2, 3)), dense__b=np.ones(3, "f4"), scale=1.0),
            "'dense/b' is float64 in .*, and float32 in the layer .compile the layer with dtype='float64'",
        ),
    ],
)
def test_the_first_difference_is_named_and_nothing_changes(saved, made, said):
    before = made.copies()
    with pytest.raises(FileError, match=said) as caught:
        load(made, saved)
    assert "test_weights.py" in caught.value.where
    same(made, before)


def test_a_file_cut_short_anywhere(saved):
    whole = saved.read_bytes()
    for length in range(len(whole)):
        saved.write_bytes(whole[:length])
        made = layer()
        with pytest.raises(FileError, match="is cut short or no safetensors file") as caught:
            load(made, saved)
        assert "\n" not in str(caught.value)
        same(made, layer().parameters)


def test_files_of_other_kinds(tmp_path):
    np.savez(tmp_path / "numpy.npz", W=np.ones(3))
    (tmp_path / "text.safetensors").write_text("W = [1, 2, 3]\n" * 100)
    (tmp_path / "zeros.safetensors").write_bytes(bytes(1000))
    for name in ("numpy.npz", "text.safetensors", "zeros.safetensors"):
        with pytest.raises(FileError, match=f"{name} is cut short or no safetensors file"):
            load(layer(), tmp_path / name)
    header = b'{"W":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    (tmp_path / "bf16.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))
    with pytest.raises(FileError, match="a dtype that NumPy lacks|bfloat16"):
        load(Parameters(W=[1.0]), tmp_path / "bf16.safetensors")


@pytest.mark.parametrize("name", ["w.npz", "w.PT", "folder/w.h5"])
def test_a_name_that_promises_another_format_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"written as safetensors, not \.\w+ \(name it w\.safetensors\)"):
        save(Parameters(w=[1.0]), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run.npz", "run.json"])
def test_a_checkpoint_whose_name_promises_another_format_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"not \.\w+ \(name it run\.safetensors\)") as caught:
        fit(square(), DATA, checkpoint=tmp_path / name)
    assert caught.value.where.startswith(__file__)
    assert not list(tmp_path.iterdir())


def test_a_parameter_whose_name_files_cannot_have(tmp_path):
    made = layer()
    made.parameters["__metadata__"] = np.ones(2)
    with pytest.raises(UsageError, match="no array of a file can be called '__metadata__'"):
        save(made, tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_notes_nested_too_deeply_are_no_notes(tmp_path):
    noted = json.dumps({"__metadata__": {"gradviz": "[" * 100_000}}).encode()
    (tmp_path / "deep.safetensors").write_bytes(len(noted).to_bytes(8, "little") + noted)
    with pytest.raises(FileError, match="has no 'dense/W'"):
        load(layer(), tmp_path / "deep.safetensors")


def test_a_dtype_that_no_layer_has_is_no_hint(tmp_path):
    save(Parameters(w=np.float16([1.0])), tmp_path / "half.safetensors")
    with pytest.raises(FileError, match=r"'w' is float16 in .*, and float64 in the layer$"):
        load(Parameters(w=[1.0]), tmp_path / "half.safetensors")


def test_names_that_no_file_can_have(tmp_path):
    for call in (save, load):
        with pytest.raises(FileError, match=r"cannot (read|write) '.*\\x00.*': embedded null"):
            call(layer(), f"{tmp_path}/a\0b")


def test_a_link_to_itself_is_replaced(tmp_path):
    path = tmp_path / "loop.safetensors"
    path.symlink_to(path.name)
    check_room(path)
    save(layer(1.5), path)
    made = layer()
    load(made, path)
    same(made, layer(1.5).parameters)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*none.safetensors: No such file"):
        load(layer(), tmp_path / "none.safetensors")
    with pytest.raises(FileError, match="Is a directory|Permission denied"):
        load(layer(), tmp_path)
    with pytest.raises(FileError, match=r"cannot write .*its folder does not exist") as caught:
        save(layer(), tmp_path / "none" / "x.safetensors")
    assert "test_weights.py" in caught.value.where
    with pytest.raises(FileError, match="name a file, not a folder"):
        save(layer(), tmp_path)


@contextmanager
def full_disk():
    """A file may grow to 200 bytes, and the next byte fails as it does on a full disk.

    Only for the call itself: pytest's own output may go to a file, which the limit would cut as well.
    """
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full(saved):
    old = saved.read_bytes()
    with full_disk(), pytest.raises(FileError, match=r"cannot write .*layer.safetensors"):
        save(layer(2.0), saved)
    assert saved.read_bytes() == old
    assert [path.name for path in saved.parent.iterdir()] == ["layer.safetensors"]


def square(batch=1):
    w, x = gv.param("w", 0.0), gv.data("x", shape=())
    return ReferenceLayer(gv.square(w - x).named("loss"), batch)


DATA = {"x": np.arange(4.0)}


def test_a_disk_that_is_full_before_training_starts(tmp_path):
    made = square()
    with full_disk(), pytest.raises(FileError, match=r"cannot write .*run.safetensors"):
        fit(made, DATA, checkpoint=tmp_path / "run.safetensors")
    assert made.calls == 0
    assert not list(tmp_path.iterdir())


def test_the_best_parameters_of_a_checkpoint_are_loaded(tmp_path):
    path = tmp_path / "run.safetensors"
    made = square()
    validation = {"x": np.array([0.5])}
    history = fit(made, DATA, epochs=5, learning_rate=0.1, validation=validation, checkpoint=path)
    assert history.best_epoch == 1  # it goes on to 1.5
    last = made.parameters["w"].copy()
    load(made, path)
    assert abs(made.parameters["w"] - 0.5) < abs(last - 0.5)
    np.testing.assert_allclose((made.parameters["w"] - 0.5) ** 2, history.validation[0])


def test_weights_are_no_checkpoint(tmp_path):
    path = tmp_path / "w.safetensors"
    save(square(), path)
    old = path.read_bytes()
    with pytest.raises(FileError, match="is no checkpoint of a training .resume=False"):
        fit(square(), DATA, checkpoint=path)
    assert path.read_bytes() == old


def test_a_broken_checkpoint(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(square(), DATA, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-8])
    made = square()
    with pytest.raises(FileError, match="cut short"):
        fit(made, DATA, checkpoint=path)
    assert made.calls == 0


# Ctrl-C


def interrupt_in(layer, number, times=1):
    """Press Ctrl-C in the middle of one step, whose second half is still to come."""
    step = type(layer).step

    def pressed(rate, **batch):
        loss = step(layer, rate, **batch)
        if layer.calls == number:
            layer.parameters["w"] += 1.0
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
            layer.parameters["w"] -= 1.0
        return loss

    layer.step = pressed
    return layer


def test_an_interrupted_training_ends_after_a_whole_step_and_resumes_to_the_same_bits(tmp_path):
    path = tmp_path / "run.safetensors"
    options = {"learning_rate": 0.1, "epochs": 5}
    whole = square()
    expected = fit(whole, DATA, **options)
    made = interrupt_in(square(), 7)
    with pytest.raises(gv.TrainingInterrupted) as caught:
        fit(made, DATA, checkpoint=path, **options)
    assert isinstance(caught.value, KeyboardInterrupt)
    history = caught.value.history
    assert (history.steps, history.epochs, history.ended) == (7, 1, "interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    seven = square()
    fit(seven, DATA, **options, callbacks=lambda layer, history: history.epochs == 1)
    resumed = square()
    again = fit(resumed, DATA, checkpoint=path, **options)
    assert resumed.calls == 20 - 7
    np.testing.assert_array_equal(resumed.parameters["w"], whole.parameters["w"])
    np.testing.assert_array_equal(again.losses, expected.losses)


def test_an_interrupted_training_puts_back_the_best_parameters_if_patience_asks_for_them(tmp_path):
    path = tmp_path / "run.safetensors"
    made = interrupt_in(square(), 11)
    validation = {"x": np.array([0.5])}
    with pytest.raises(gv.TrainingInterrupted) as caught:
        fit(made, DATA, epochs=9, learning_rate=0.1, validation=validation, patience=9, checkpoint=path)
    best = caught.value.history.validation.min()
    np.testing.assert_allclose((made.parameters["w"] - 0.5) ** 2, best)
    other = square()
    load(other, path)
    np.testing.assert_array_equal(other.parameters["w"], made.parameters["w"])


def test_ctrl_c_in_the_last_step_of_an_epoch(tmp_path):
    path = tmp_path / "run.safetensors"
    made = interrupt_in(square(), 4)
    with pytest.raises(gv.TrainingInterrupted):
        fit(made, DATA, checkpoint=path)
    resumed = square()
    history = fit(resumed, DATA, checkpoint=path)
    assert (history.epochs, history.ended, resumed.calls) == (1, "done", 0)
    np.testing.assert_array_equal(resumed.parameters["w"], made.parameters["w"])


def test_a_second_ctrl_c_acts_at_once():
    made = interrupt_in(square(), 2, times=2)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(made, DATA)
    assert not isinstance(caught.value, gv.TrainingInterrupted)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_somebody_else_is_left_alone():
    heard = []
    old = signal.signal(signal.SIGINT, lambda *_: heard.append("here"))
    try:
        history = fit(interrupt_in(square(), 2), DATA)
        assert heard == ["here"]
        assert history.steps == 4
    finally:
        signal.signal(signal.SIGINT, old)


def test_training_in_a_thread():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(fit, square(), DATA).result().steps == 4


# the bar


@pytest.mark.parametrize(("wanted", "shown"), [(True, True), (False, False), (None, False)])
def test_the_bar_is_on_stderr_and_only_where_it_is_wanted(wanted, shown, capsys, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.train._GLANCE", -1.0)
    monkeypatch.setattr("gradviz.terminal.progress.PATIENCE", -1.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    fit(square(), DATA, progress=wanted, epochs=3)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("epoch 3/3" in err) is shown
    assert ("loss" in err) is shown


def test_where_a_training_lives_in_the_folder(tmp_path):
    fit(square(), DATA, checkpoint=tmp_path / "run.safetensors")
    assert [path.name for path in Path(tmp_path).iterdir()] == ["run.safetensors"]
