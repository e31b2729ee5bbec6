"""A denoising autoencoder: gradients, and digits beside what linear methods give back."""

from functools import partial

import numpy as np
import pytest
from helpers.foundation_checks import assert_passes_differences
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.fit import fit
from hfdl.foundations.losses import binary_cross_entropy
from hfdl.foundations.optimizers import Adam
from hfdl.foundations.vision.autoencoder import Unflatten, digits_autoencoder, masked


def test_gradients() -> None:
    network = digits_autoencoder(0, side=3, hidden=5, code=2).astype(np.float64)
    rng = np.random.default_rng(0)
    for parameter in network.parameters():  # biases too
        parameter.value[...] = rng.normal(size=parameter.value.shape)
    assert_passes_differences(network, rng.random((4, 1, 3, 3)))
    assert len(network.parameters()) == 8
    assert_passes_differences(Unflatten(2, 3), rng.random((4, 6)))


def test_the_code_is_the_bottleneck() -> None:
    network = digits_autoencoder(0)
    X = np.zeros((2, 1, 28, 28))
    code = network.encoder(X)
    assert code.shape == (2, 32)
    assert network.decoder(code).shape == X.shape
    np.testing.assert_array_equal(network.decoder(code), network(X))
    with pytest.raises(ShapeError, match=r"X is \(B, 6\)"):
        Unflatten(2, 3)(np.zeros((4, 5)))


def test_masked_puts_out_a_share() -> None:
    X = np.ones((100, 1, 20, 20), np.float32)
    rng = np.random.default_rng(0)
    Y = masked(X, rng, share=0.3)
    assert Y.dtype == np.float32
    assert set(np.unique(Y)) == {0.0, 1.0}
    assert abs((Y == 0).mean() - 0.3) < 3 * (0.3 * 0.7 / X.size) ** 0.5
    assert not np.array_equal(Y, masked(X, rng, share=0.3))  # other pixels each time
    assert (masked(X, rng, share=0) == X).all()
    assert not masked(X, rng, share=1).any()
    assert X.all()
    with pytest.raises(ConfigError, match=r"share is 1\.5"):
        masked(X, rng, share=1.5)


def error(X: np.ndarray, Y: np.ndarray) -> float:
    return float(np.mean((X - Y) ** 2))


def test_digits_come_back_better_than_by_linear_methods_of_the_same_width() -> None:
    """A quarter of the pixels is out. PCA of 16 components knows clean digits only; the best
    linear map of rank 16 (reduced-rank regression) was fitted to the same kind of noise."""
    images = (load_digits().images[:, None] / 16).astype(np.float32)
    X, clean = images[:1400], images[1400:]
    network = digits_autoencoder(0, side=8, code=16)
    history = fit(
        network, binary_cross_entropy, (X, X), epochs=25, batch_size=32,
        optimizer=Adam(network.parameters(), 0.002), augment=partial(masked, share=0.25),
    )  # fmt: skip
    assert (
        history.loss[-1] < 0.7 * history.loss[0]
    )  # grey pixels cost something however well they are known
    noisy = masked(clean, np.random.default_rng(1), share=0.25)
    rows = noisy.reshape(len(noisy), -1)

    pca = PCA(16).fit(X.reshape(len(X), -1))
    by_pca = pca.inverse_transform(pca.transform(rows)).reshape(clean.shape)

    rng = np.random.default_rng(2)
    given = np.concatenate([masked(X, rng, share=0.25) for _ in range(10)]).reshape(-1, 64)
    wanted = np.concatenate([X] * 10).reshape(-1, 64)
    means = given.mean(axis=0), wanted.mean(axis=0)
    W = np.linalg.lstsq(given - means[0], wanted - means[1], rcond=None)[0]
    V = np.linalg.svd((given - means[0]) @ W, full_matrices=False)[2][:16]
    by_line = ((rows - means[0]) @ W @ V.T @ V + means[1]).reshape(clean.shape)

    ours = error(network(noisy), clean)
    assert ours < 0.85 * error(by_line, clean) < 0.85 * error(by_pca, clean)
    assert ours < 0.45 * error(noisy, clean)
    # Of clean digits PCA gives back more: to keep what was seen is not what was trained.
    kept = pca.inverse_transform(pca.transform(clean.reshape(len(clean), -1)))
    assert error(kept.reshape(clean.shape), clean) < error(network(clean), clean)
