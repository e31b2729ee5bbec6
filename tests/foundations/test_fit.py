"""The training loop: what is shown, in which order, and what is put back."""

from functools import partial

import numpy as np
import pytest

from hfdl.errors import ConfigError, ShapeError, TrainingError
from hfdl.foundations.activations import ReLU, Sigmoid
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.dense import Dense
from hfdl.foundations.fit import evaluate, fit
from hfdl.foundations.layer import Layer
from hfdl.foundations.losses import binary_cross_entropy, mse, sigmoid_cross_entropy
from hfdl.foundations.optimizers import SGD, Adam
from hfdl.foundations.regularization import EarlyStopping
from hfdl.foundations.schedules import step_decay
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.state import state_of
from hfdl.foundations.toy_data import gaussian_points

X = np.arange(10.0)[:, None] / 10
TARGET = 3 * X - 1


class Recorder(Dense):
    """A dense layer that keeps what it was shown in training."""

    def __init__(self) -> None:
        super().__init__(1, 1, rng=0)
        self.shown: list[list[float]] = []

    def forward(self, X, *, train=False):
        if train:
            self.shown.append([round(10 * x) for x in np.ravel(X)])
        return super().forward(X, train=train)


def run(layer: Layer | None = None, **settings):
    layer = layer or Dense(1, 1, rng=0)
    chosen = {"optimizer": SGD(layer.parameters(), 0.1), "epochs": 3, "batch_size": 4, **settings}
    return layer, fit(layer, mse, (X, TARGET), **chosen)


def test_every_sample_is_seen_once_an_epoch_in_a_new_order() -> None:
    layer, _ = run(Recorder())
    assert isinstance(layer, Recorder)
    assert [len(batch) for batch in layer.shown] == [4, 4, 2] * 3
    epochs = [[x for batch in layer.shown[i : i + 3] for x in batch] for i in (0, 3, 6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != sorted(epochs[0])


def test_inputs_and_targets_stay_together_through_the_shuffle() -> None:
    layer, history = run(epochs=600, batch_size=3)
    assert isinstance(layer, Dense)
    assert history.loss[-1] < 1e-8
    np.testing.assert_allclose(layer.W.value, 3.0, atol=1e-3)


def test_a_seed_repeats_the_run_and_another_does_not() -> None:
    losses = [run(rng=seed)[1].loss for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    generators = [run(rng=np.random.RandomState(0))[1].loss for _ in range(2)]
    assert generators[0] == generators[1]


def test_all_samples_at_once_is_gradient_descent_by_hand() -> None:
    _, history = run(epochs=5, batch_size=None)
    layer = Dense(1, 1, rng=0)
    w, b = layer.W.value[0, 0], 0.0
    for loss in history.loss:
        error = w * X + b - TARGET
        assert loss == pytest.approx(np.mean(error**2), rel=1e-12)
        w, b = w - 0.1 * 2 * np.mean(error * X), b - 0.1 * 2 * np.mean(error)


def test_the_loss_of_an_epoch_weighs_batches_by_their_samples() -> None:
    _, history = run(epochs=1, batch_size=4, optimizer=SGD(Dense(1, 1).parameters(), 0.0))
    assert history.loss == [pytest.approx(mse(Dense(1, 1, rng=0)(X), TARGET)[0])]


def test_what_the_history_holds() -> None:
    points = gaussian_points(60, rng=0)
    network = Sequential(Dense(2, 1, rng=0), Sigmoid())
    settings = {"optimizer": Adam(network.parameters(), 0.05), "epochs": 7, "batch_size": 10}
    history = fit(network, binary_cross_entropy, points, validation=points, **settings)
    assert [len(figures) for figures in vars(history).values()] == [7, 7, 7, 7]
    last = history.validation_loss[-1], history.validation_accuracy[-1]
    assert last == evaluate(network, binary_cross_entropy, points)
    assert history.validation_accuracy[-1] > history.validation_accuracy[0]
    settings["optimizer"] = SGD(network.parameters(), 0.0)  # so that all batches see one network
    still = fit(network, binary_cross_entropy, points, **settings)
    assert still.loss == [pytest.approx(last[0])] * 7
    assert still.accuracy == [pytest.approx(last[1])] * 7
    _, regression = run()
    assert [len(figures) for figures in vars(regression).values()] == [3, 0, 0, 0]
    _, counted = run(accuracy=lambda p, t: 0.5, validation=(X, TARGET))
    assert counted.accuracy == counted.validation_accuracy == [0.5] * 3


def test_validation_data_is_not_trained_on() -> None:
    layer, _ = run(Recorder(), validation=(X + 100, TARGET))
    assert isinstance(layer, Recorder)
    assert max(max(batch) for batch in layer.shown) == 9
    np.testing.assert_array_equal(
        run()[0].parameters()[0].value, run(validation=(X + 100, TARGET))[0].parameters()[0].value
    )


def test_the_schedule_is_asked_before_each_update() -> None:
    asked: list[int] = []
    layer = Dense(1, 1, rng=0)
    optimizer = SGD(layer.parameters(), 123.0)

    def schedule(step: int) -> float:
        asked.append(step)
        return step_decay(step, rate=0.1, every=3)

    run(layer, optimizer=optimizer, schedule=schedule)
    assert asked == list(range(9))  # three batches in each of three epochs
    assert optimizer.learning_rate == pytest.approx(0.001)
    still = Dense(1, 1, rng=0)
    run(still, optimizer=SGD(still.parameters(), 5.0), schedule=lambda step: 0.0)
    np.testing.assert_array_equal(still.W.value, Dense(1, 1, rng=0).W.value)


def test_augmentation_gets_the_batch_and_the_source() -> None:
    layer, plain = Recorder(), Recorder()
    sources = set()

    def augment(batch, rng):
        sources.add(type(rng))
        return batch + 10.0

    run(layer, augment=augment)
    run(plain)
    assert sources == {np.random.Generator}
    assert layer.shown == [[x + 100 for x in batch] for batch in plain.shown]


def test_clipping_bounds_the_way_of_an_update() -> None:
    layer = Dense(1, 1, rng=0)
    start = np.array([p.value.item() for p in layer.parameters()])
    settings = {"epochs": 1, "batch_size": None, "clip_norm": 0.01}
    run(layer, optimizer=SGD(layer.parameters(), 1.0), **settings)
    end = np.array([p.value.item() for p in layer.parameters()])
    assert np.linalg.norm(end - start) == pytest.approx(0.01)


def overfitting() -> tuple[Sequential, dict]:
    """A wide network on six noisy points, whose validation loss soon rises."""
    random = np.random.default_rng(0)
    points = random.normal(size=(6, 2)), random.integers(0, 2, (6, 1)) * 1.0
    validation = random.normal(size=(40, 2)), random.integers(0, 2, (40, 1)) * 1.0
    network = Sequential(Dense(2, 30, rng=1), BatchNorm(30), ReLU(), Dense(30, 1, rng=2))
    settings = {"data": points, "validation": validation, "batch_size": 3}
    return network, {**settings, "optimizer": Adam(network.parameters(), 0.05)}


@pytest.mark.parametrize("epochs", [5, 100])
def test_early_stopping_puts_back_the_best_epoch(epochs: int) -> None:
    """Whether patience ran out or the epochs did; running averages are put back as well."""
    network, settings = overfitting()
    stopping = EarlyStopping(6)
    history = fit(
        network, sigmoid_cross_entropy, epochs=epochs, early_stopping=stopping, **settings
    )
    best = int(np.argmin(history.validation_loss))
    assert stopping.best_epoch == best
    assert len(history.loss) == min(epochs, best + 1 + 6)
    assert best < len(history.loss) - 1
    value, _ = evaluate(network, sigmoid_cross_entropy, settings["validation"])
    assert value == pytest.approx(history.validation_loss[best], rel=1e-12)
    twin, settings = overfitting()
    fit(twin, sigmoid_cross_entropy, epochs=best + 1, **settings)
    for name, array in state_of(twin).items():
        np.testing.assert_array_equal(array, state_of(network)[name], err_msg=name)


def test_early_stopping_can_be_used_again() -> None:
    stopping = EarlyStopping(6)
    lengths = []
    for _ in range(2):
        network, settings = overfitting()
        history = fit(
            network, sigmoid_cross_entropy, epochs=100, early_stopping=stopping, **settings
        )
        lengths.append(len(history.loss))
    assert lengths[0] == lengths[1]


def test_early_stopping_on_accuracy() -> None:
    network, settings = overfitting()
    stopping = EarlyStopping(4, monitor="validation_accuracy")
    history = fit(network, sigmoid_cross_entropy, epochs=60, early_stopping=stopping, **settings)
    assert stopping.best == max(history.validation_accuracy)
    assert len(history.loss) == history.validation_accuracy.index(stopping.best) + 5


def test_no_epochs() -> None:
    layer, history = run(epochs=0)
    assert history.loss == []
    assert isinstance(layer, Dense)
    np.testing.assert_array_equal(layer.W.value, Dense(1, 1, rng=0).W.value)


def test_float32_stays() -> None:
    layer = Dense(1, 1, rng=0).astype(np.float32)
    data = X.astype(np.float32), TARGET.astype(np.float32)
    for optimizer in (Adam(layer.parameters(), 0.1), SGD(layer.parameters(), np.float64(0.1))):
        fit(layer, mse, data, optimizer=optimizer, epochs=2, batch_size=3)
    assert {p.value.dtype.name for p in layer.parameters()} == {"float32"}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="watches validation_loss, and there is no validation"):
        run(early_stopping=EarlyStopping())
    accuracy = partial(EarlyStopping, monitor="validation_accuracy")
    with pytest.raises(ConfigError, match="watches validation_accuracy, which this loss does not"):
        run(early_stopping=accuracy(), validation=(X, TARGET))
    for wrong in ({"epochs": -1}, {"batch_size": 0}):
        with pytest.raises(ConfigError, match="epochs are 0 or more, a batch has one sample"):
            run(**wrong)
    layer = Dense(1, 1, rng=0)
    with pytest.raises(ShapeError, match=r"inputs \(10, 1\), targets \(9, 1\)"):
        fit(
            layer,
            mse,
            (X, TARGET[1:]),
            optimizer=SGD(layer.parameters(), 1),
            epochs=1,
            batch_size=1,
        )


def test_divergence_says_where() -> None:
    layer = Dense(1, 1, rng=0)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(
            TrainingError, match=r"epoch \d+, update \d+: the loss is (inf|nan); training"
        ),
    ):
        run(layer, optimizer=SGD(layer.parameters(), 1e6), epochs=100)
