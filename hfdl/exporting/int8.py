"""A float32 graph whose products with weights are made of 8-bit integers, by onnxruntime.

Weights have a scale for each output channel; activations one for each tensor, found when the graph
runs (dynamic quantisation). An answer can therefore depend, in its last digits, on the other texts
of its batch.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from hfdl.errors import import_extra
from hfdl.exporting.refusals import no_int8, reason_of
from hfdl.weights.graph_model import EXTRA, import_onnxruntime

PRODUCTS = ("MatMul", "Gemm")
_INTEGER = ("MatMulInteger", "DynamicQuantizeMatMul")
_ROWS, _COLUMNS = 64, 16


def quantised(source: Path, target: Path, where: str) -> dict[str, Any]:
    """Write a graph again with its products in int8.

    Args:
        source: in float32.
        target: where to.
        where: the model's name, for the message.

    Returns:
        what was done: ``products`` in int8, and ``reduce_range``, whether weights have 7 bits.

    Raises:
        ModelError: the graph has no product with weights.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    reduce_range = not multiplies_exactly()
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it recommends a preparation that torch's exporter has done
    try:
        quantize_dynamic(
            source, target, op_types_to_quantize=list(PRODUCTS), per_channel=True,
            reduce_range=reduce_range, weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    except Exception as error:  # whatever onnx and onnxruntime raise of a graph
        raise no_int8(reason_of(error), where) from error
    finally:
        log.setLevel(level)
    if not (products := integer_products(target)):
        raise no_int8("there is none with weights", where)
    return {"products": products, "reduce_range": reduce_range}


def integer_products(file: Path) -> int:
    """How many products of a graph are of 8-bit integers."""
    onnx = import_extra("onnx", feature="hfdl export", extra=EXTRA)
    return sum(node.op_type in _INTEGER for node in onnx.load(str(file)).graph.node)


def multiplies_exactly() -> bool:
    """Whether onnxruntime's product of the largest 8-bit integers is exact on this CPU.

    Where a CPU has no instructions for it (VNNI, AMX, ARM's dot product), pairs are added in 16
    bits, and saturate: weights then get 7 bits (``reduce_range``).
    """
    onnx = import_extra("onnx", feature="hfdl export", extra=EXTRA)
    types, helper = onnx.TensorProto, onnx.helper
    weights = np.full((_ROWS, _COLUMNS), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", types.UINT8, [None, _ROWS])],
        [helper.make_tensor_value_info("y", types.INT32, [None, _COLUMNS])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    runtime = import_onnxruntime()
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    largest = np.full((4, _ROWS), 255, np.uint8)
    (found,) = session.run(None, {"x": largest})
    return bool((found == 255 * 127 * _ROWS).all())
