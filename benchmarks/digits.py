"""Train the digits classifiers of ``hfdl.foundations`` and say how often they are right.

    python benchmarks/digits.py FOLDER --model cnn --backend numpy --seeds 0 1 2
    python benchmarks/digits.py --data sklearn --model mlp

FOLDER holds the four idx files of MNIST. ``--data sklearn`` takes scikit-learn's 1,797 digits of
8 x 8 pixels instead, of which every fifth is for testing.

Adam, batches of 64, a rate that rises over the first tenth of the updates and then falls to 0 by a
cosine. Nothing was chosen on the test digits: settings are the first that were tried. With
``--backend torch`` the same loop trains a torch module that starts from the same weights.
``--output F.json`` writes every figure with the machine and versions.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hfdl import environment
from hfdl.foundations.fit import evaluate, fit
from hfdl.foundations.layer import Layer
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.schedules import warmup_cosine
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.vision.augmentation import augment
from hfdl.foundations.vision.digits import digits_cnn, digits_mlp
from hfdl.foundations.vision.idx_files import Split, load_mnist

MODELS = {"mlp": digits_mlp, "cnn": digits_cnn}
EPOCHS = {"mlp": 10, "cnn": 5}
RATES = {"mlp": 2e-3, "cnn": 4e-3}
BATCH = 64


def main() -> None:
    """Read the command line, train with every seed, print and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", help="the idx files of MNIST")
    parser.add_argument("--data", choices=["mnist", "sklearn"], default="mnist")
    parser.add_argument("--model", choices=list(MODELS), default="cnn")
    parser.add_argument("--backend", choices=["numpy", "torch"], default="numpy")
    parser.add_argument("--augment", action="store_true", help="move, turn and resize the digits")
    parser.add_argument("--epochs", type=int, help="default: 10 for mlp, 5 for cnn")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--output", help="JSON file for every figure")
    arguments = parser.parse_args()
    if arguments.data == "mnist" and arguments.folder is None:
        parser.error("name the folder of MNIST's idx files, or use --data sklearn")
    train, test = load_mnist(arguments.folder) if arguments.data == "mnist" else sklearn_digits()
    epochs = EPOCHS[arguments.model] if arguments.epochs is None else arguments.epochs
    results = []
    for seed in arguments.seeds:
        results.append(run(arguments, train, test, epochs, seed))
        print(
            "{model} in {backend}, seed {seed}: test accuracy {accuracy:.4f}, loss {loss:.4f}, "
            "{epochs} epochs of {train} digits in {seconds:.1f} s "
            "({cpu_seconds:.1f} s of processor time)".format(**results[-1]),
            flush=True,
        )
    if len(results) > 1:
        found = [result["accuracy"] for result in results]
        print(f"accuracy {np.mean(found):.4f} +/- {np.std(found, ddof=1):.4f}")
    if arguments.output:
        report = {
            "results": results, "versions": environment.versions(),
            "machine": environment.machine(),
        }  # fmt: skip
        Path(arguments.output).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def run(
    arguments: argparse.Namespace, train: Split, test: Split, epochs: int, seed: int
) -> dict[str, Any]:
    """One training, and what it reaches; the seconds are those of training alone."""
    network: Layer = MODELS[arguments.model](seed, side=train[0].shape[-1])
    if arguments.backend == "torch":
        network = in_torch(network)
    rate, steps = RATES[arguments.model], epochs * -(-len(train[0]) // BATCH)
    began, cpu_began = time.perf_counter(), time.process_time()
    history = fit(
        network,
        softmax_cross_entropy,
        train,
        optimizer=Adam(network.parameters(), rate),
        epochs=epochs,
        batch_size=BATCH,
        schedule=partial(warmup_cosine, rate=rate, warmup=steps // 10, steps=steps),
        augment=augment if arguments.augment else None,
        rng=seed,
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    loss, accuracy = evaluate(network, softmax_cross_entropy, test)
    return {
        "data": arguments.data, "model": arguments.model, "backend": arguments.backend,
        "augment": arguments.augment, "seed": seed, "epochs": epochs, "train": len(train[0]),
        "test": len(test[0]), "accuracy": accuracy, "loss": loss, "seconds": seconds,
        "cpu_seconds": cpu_seconds, "train_loss": history.loss, "train_accuracy": history.accuracy,
    }  # fmt: skip


def in_torch(network: Layer) -> Layer:
    """The same layers in torch, with the same weights, behind the same API."""
    import torch
    from torch import nn

    from hfdl.foundations.activations import ReLU
    from hfdl.foundations.dense import Dense
    from hfdl.foundations.vision.convolution import Conv2d
    from hfdl.foundations.vision.pooling import Flatten, MaxPool2d
    from hfdl.torch_layer import TorchLayer

    def twin(layer: Layer) -> nn.Module:
        match layer:
            case Conv2d():
                outputs, inputs, *kernel = layer.W.value.shape
                down, across = kernel
                return nn.Conv2d(inputs, outputs, (down, across), layer.stride, layer.padding)
            case Dense():
                return nn.Linear(*layer.W.value.shape)
            case MaxPool2d():
                return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
            case Flatten():
                return nn.Flatten()
            case ReLU():
                return nn.ReLU()
        raise TypeError(f"no twin in torch for {type(layer).__name__}")

    assert isinstance(network, Sequential)
    module = nn.Sequential(*[twin(layer) for layer in network.layers])
    with torch.no_grad():
        for ours, theirs in zip(network.parameters(), module.parameters(), strict=True):
            # A dense layer's W is (inputs, outputs) here and (outputs, inputs) in torch.
            theirs.copy_(torch.from_numpy(ours.value.T if ours.value.ndim == 2 else ours.value))
    return TorchLayer(module)


def sklearn_digits() -> tuple[Split, Split]:
    """scikit-learn's digits, (N, 1, 8, 8) from 0 to 1: four fifths and one fifth."""
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    images, labels = (data.images[:, None] / 16).astype(np.float32), data.target
    testing = np.arange(len(images)) % 5 == 0
    return (images[~testing], labels[~testing]), (images[testing], labels[testing])


if __name__ == "__main__":
    main()
