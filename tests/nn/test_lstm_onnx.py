"""LSTMs with peepholes and coupled gates as ONNX Runtime computes them: another library's formula, in float32."""

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn

try:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    pytest.skip("onnxruntime is not installed here (pip install onnx onnxruntime)", allow_module_level=True)

N, H = 3, 4
VARIANTS = [(False, False), (True, False), (False, True), (True, True), ("o", False), ("fi", False)]
GATES = {"i": "input_gate", "o": "output_gate", "f": "forget_gate", "C": "candidate"}  # in the order of ONNX


def of_onnx(weights, x, peephole, coupled):
    """Run its LSTM on (time, samples, features); return all h, the last h and the last C."""
    size = x.shape[1]

    def stacked(letter, shape):
        found = {
            gate: weights.get(f"lstm/cell/{part}/{letter}_{gate}", np.zeros(shape)) for gate, part in GATES.items()
        }
        if coupled:  # there f is 1 - i, here i is 1 - f; 1 - σ(z) = σ(-z)
            found["i"] = -found["f"]
        return list(found.values())

    whole = np.stack(stacked("W", (H, H + N)))
    given = {
        "W": whole[:, :, H:].reshape(1, 4 * H, N),
        "R": whole[:, :, :H].reshape(1, 4 * H, H),
        "B": np.concatenate([*stacked("b", H), np.zeros(4 * H)])[None],
        "h": np.zeros((1, size, H)),
        "C": np.zeros((1, size, H)),
        "P": np.concatenate(stacked("p", H)[:3])[None],
    }
    inputs = ["x", "W", "R", "B", "", "h", "C", "P"][: 8 if peephole else 7]
    node = helper.make_node("LSTM", inputs, ["Y", "Y_h", "Y_C"], hidden_size=H, input_forget=int(coupled))
    known = [numpy_helper.from_array(one.astype("float32"), name) for name, one in given.items() if name in inputs]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("Y", "Y_h", "Y_C")]
    graph = helper.make_graph(
        [node], "lstm", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], results, known
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs, h, C = session.run(None, {"x": x.astype("float32")})
    return outputs[:, 0].transpose(1, 0, 2), h[0], C[0]


@pytest.mark.parametrize("length", [1, 7, 60])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("peephole", "coupled"), VARIANTS)
def test_lstm(peephole, coupled, size, length):
    x = gv.data("x", shape=(length, N), dtype="float32")
    outputs, (h, C) = nn.recurrent(x, "lstm", hidden=H, peephole=peephole, coupled=coupled)
    layer = gv.compile(gv.graph(outputs=outputs, h=h, C=C), batch=size, dtype="float32")
    rng = np.random.default_rng(3)
    for array in layer.parameters.values():
        array[...] += 0.3 * rng.normal(size=array.shape)
    xs = rng.normal(size=(size, length, N))
    expected = of_onnx(layer.parameters, xs.transpose(1, 0, 2), peephole, coupled)
    found = layer(x=xs)
    for name, wanted in zip(("outputs", "h", "C"), expected, strict=True):
        np.testing.assert_allclose(found[name], wanted, rtol=1e-5, atol=1e-5, err_msg=name)
