"""The digits classifiers: their sizes, their twins in torch, and what they learn."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfdl.errors import ShapeError
from hfdl.foundations.fit import evaluate, fit
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.schedules import warmup_cosine
from hfdl.foundations.vision.augmentation import augment
from hfdl.foundations.vision.digits import digits_cnn, digits_mlp
from hfdl.foundations.vision.idx_files import Split, load_mnist

MODELS = [digits_mlp, digits_cnn]


@pytest.fixture(scope="module")
def benchmark() -> Any:
    """benchmarks/digits.py, which is no part of the package."""
    path = Path(__file__).parents[3] / "benchmarks" / "digits.py"
    spec = importlib.util.spec_from_file_location("digits_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train(network: Any, split: Split, *, epochs: int, rate: float, **options: Any) -> None:
    steps = epochs * -(-len(split[0]) // 64)
    schedule = partial(warmup_cosine, rate=rate, warmup=steps // 10, steps=steps)
    fit(network, softmax_cross_entropy, split, optimizer=Adam(network.parameters(), rate),
        epochs=epochs, batch_size=64, schedule=schedule, **options)  # fmt: skip


def accuracy(network: Any, split: Split) -> float:
    share = evaluate(network, softmax_cross_entropy, split)[1]
    assert share is not None
    return share


def test_the_mlp_is_784_128_64_10() -> None:
    shapes = [parameter.value.shape for parameter in digits_mlp(0).parameters()]
    assert shapes == [(784, 128), (128,), (128, 64), (64,), (64, 10), (10,)]


def test_the_cnn_is_conv_pool_conv_pool_dense() -> None:
    names = [type(layer).__name__ for layer in digits_cnn(0).layers]
    assert names == [
        "Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Dense",
    ]  # fmt: skip


@pytest.mark.parametrize(("make", "count"), [(digits_mlp, 109_386), (digits_cnn, 20_490)])
def test_sizes_as_the_docstrings_say_and_float32(make: Any, count: int) -> None:
    network = make(0)
    assert sum(p.value.size for p in network.parameters()) == count
    assert f"{count:,} weights" in make.__doc__
    Y, backprop = network.forward(np.zeros((3, 1, 28, 28), dtype=np.float32))
    assert Y.shape == (3, 10)
    assert Y.dtype == backprop(Y).dtype == np.float32
    assert {p.value.dtype for p in network.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("side", [4, 5, 8, 11])
def test_other_sizes_of_images(make: Any, side: int) -> None:
    assert make(0, side=side)(np.zeros((1, 1, side, side), dtype=np.float32)).shape == (1, 10)


def test_images_too_small_to_be_halved_twice_are_refused() -> None:
    with pytest.raises(ShapeError, match="images of 3 x 3; they are halved twice: 4 or more"):
        digits_cnn(0, side=3)


@pytest.mark.parametrize("make", MODELS)
def test_weights_follow_the_seed(make: Any) -> None:
    first, again, other = ([p.value for p in make(seed).parameters()] for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("make", MODELS)
def test_the_benchmarks_torch_twin_is_the_same_network(make: Any, benchmark: Any) -> None:
    network = make(0, side=9).astype(np.float64)
    twin = benchmark.in_torch(network).astype(np.float64)
    X = np.random.default_rng(0).uniform(0, 1, (4, 1, 9, 9))
    (Y, backprop), (Z, torch_backprop) = network.forward(X), twin.forward(X)
    np.testing.assert_allclose(Y, Z, rtol=0, atol=1e-10)
    np.testing.assert_allclose(backprop(Y), torch_backprop(Y), rtol=0, atol=1e-10)
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        gradient = theirs.grad.T if theirs.grad.ndim == 2 else theirs.grad
        np.testing.assert_allclose(ours.grad, gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_benchmark_on_scikit_learns_digits(
    model: str, benchmark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    found = {}
    for backend in ("numpy", "torch"):
        output = tmp_path / f"{backend}.json"
        argv = ["digits.py", "--data", "sklearn", "--model", model, "--backend", backend]
        monkeypatch.setattr(sys, "argv", [*argv, "--epochs", "10", "--output", str(output)])
        benchmark.main()
        report = json.loads(output.read_text(encoding="utf-8"))
        (found[backend],) = report["results"]
        assert report["versions"]["numpy"] == np.__version__
    assert (found["numpy"]["train"], found["numpy"]["test"]) == (1437, 360)
    assert found["numpy"]["accuracy"] > 0.94
    # float32 rounds differently in torch, and over 230 updates that grows.
    assert found["torch"]["accuracy"] == pytest.approx(found["numpy"]["accuracy"], abs=0.01)
    assert f"{model} in torch, seed 0: test accuracy 0.9" in capsys.readouterr().out


def test_the_benchmark_asks_for_a_folder(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "argv", ["digits.py"])
    with pytest.raises(SystemExit):
        benchmark.main()
    assert "name the folder of MNIST's idx files" in capsys.readouterr().err


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("make", "bound", "options"),
    [(digits_mlp, 0.87, {}), (digits_cnn, 0.91, {}), (digits_mlp, 0.85, {"augment": augment})],
)
def test_six_thousand_digits_of_mnist(
    make: Any, bound: float, options: dict[str, Any], shared: Callable[[str], Path]
) -> None:
    with np.load(shared("data/mnist/mnist_small.npz")) as small:
        pixels, labels = (small[name] for name in ("x_train", "y_train"))
        tested = (small["x_test"][:, None] / np.float32(255), small["y_test"].astype(np.int64))
    split = (pixels[:, None] / np.float32(255), labels.astype(np.int64))
    network = make(0)
    train(network, split, epochs=1, rate=5e-3, **options)
    assert accuracy(network, tested) > bound


# With the settings of benchmarks/digits.py: 0.9815 and 0.9914.
@pytest.mark.needs_shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "epochs", "rate", "bound"),
    [(digits_mlp, 10, 2e-3, 0.97), (digits_cnn, 5, 4e-3, 0.985)],
)
def test_the_real_mnist(
    make: Any, epochs: int, rate: float, bound: float, shared: Callable[[str], Path]
) -> None:
    training, test = load_mnist(shared("data/mnist"))
    network = make(0)
    began = time.process_time()  # on one thread: a busy machine is no failure
    train(network, training, epochs=epochs, rate=rate)
    seconds = time.process_time() - began
    share = accuracy(network, test)
    print(f"{make.__name__}: {share:.4f} in {seconds:.0f} s")
    assert share > bound
    assert seconds < 600
