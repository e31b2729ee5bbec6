"""Products of a graph in 8-bit integers, against the same arithmetic in NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfdl.errors import ModelError
from hfdl.exporting import int8

onnx: Any = pytest.importorskip("onnx", reason="the extra onnx is not installed")
runtime: Any = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.fixture
def weight() -> np.ndarray:
    """(D, O): channels of very different sizes."""
    drawn = np.random.default_rng(0).normal(size=(48, 20)).astype(np.float32)
    return drawn * np.logspace(-2, 2, 20, dtype=np.float32)


@pytest.fixture
def linear(tmp_path: Path, weight: np.ndarray) -> Path:
    """A graph of one product."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "linear",
        [helper.make_tensor_value_info("x", kind, ["n", 48])],
        [helper.make_tensor_value_info("y", kind, ["n", 20])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, str(tmp_path / "float32.onnx"))
    return tmp_path / "float32.onnx"


def constants(file: Path) -> dict[str, np.ndarray]:
    model = onnx.load(str(file))
    return {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}


def channels(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The weight in integers (D, O), and the scale of each channel (O,)."""
    found = constants(file)
    integers = next(each for each in found.values() if each.dtype == np.int8 and each.ndim == 2)
    return integers.astype(np.int64), next(v for k, v in found.items() if k.endswith("_scale"))


@pytest.mark.parametrize("rows", [1, 2, 33])
def test_it_is_the_product_of_the_integers(
    linear: Path, weight: np.ndarray, tmp_path: Path, rows: int
) -> None:
    done = int8.quantised(linear, tmp_path / "int8.onnx", "m")
    assert done["products"] == int8.integer_products(tmp_path / "int8.onnx") == 1
    assert not int8.integer_products(linear)
    integers, scale = channels(tmp_path / "int8.onnx")
    assert scale.shape == (20,)
    assert (np.abs(integers * scale - weight) <= scale * 0.501).all()
    x = np.random.default_rng(rows).normal(size=(rows, 48)).astype(np.float32) + 0.3
    # DynamicQuantizeLinear: https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = np.float32((high - low) / np.float32(255))
    zero = int(np.clip(np.rint((0 - low) / step), 0, 255))
    bytes_of_x = np.clip(np.rint(x / step) + zero, 0, 255).astype(np.int64)
    expected = ((bytes_of_x - zero) @ integers).astype(np.float64) * step * scale  # (N, O)
    session = runtime.InferenceSession(tmp_path / "int8.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x})
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert (found != x @ weight).any()


def test_a_cpu_that_saturates_gets_weights_of_seven_bits(
    linear: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "multiplies_exactly", lambda: False)
    done = int8.quantised(linear, tmp_path / "int8.onnx", "m")
    assert done["reduce_range"]
    assert np.abs(channels(tmp_path / "int8.onnx")[0]).max() <= 64
    monkeypatch.undo()
    done = int8.quantised(linear, tmp_path / "again.onnx", "m")
    assert done["reduce_range"] == (not int8.multiplies_exactly())


def test_a_graph_without_weights(tmp_path: Path) -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])], "none", [info("x", kind, [2])],
        [info("y", kind, [2])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, str(tmp_path / "float32.onnx"))
    with pytest.raises(ModelError, match="there is none with weights"):
        int8.quantised(tmp_path / "float32.onnx", tmp_path / "int8.onnx", "m")
    (tmp_path / "none.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="cannot be made in int8"):
        int8.quantised(tmp_path / "none.onnx", tmp_path / "int8.onnx", "m")
