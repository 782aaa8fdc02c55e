"""Ctrl-C during fit keeps the model so far, and what surrounds fit hears of it."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.descent.history import Record
from tests.problems import real_table

Array = np.ndarray
# One for each engine.
ENGINES: dict[str, dict[str, Any]] = {
    "spectral": {},
    "moments": {"method": "adam"},
    "data": {"loss": "huber"},
    "stochastic": {"batch_size": 16, "random_state": 0},
}
each_engine = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """A process that a shell started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def regressor(engine: str, **options: Any) -> GradientDescentRegressor:
    return GradientDescentRegressor(**ENGINES[engine], **options)


@pytest.mark.parametrize(
    ("engine", "listening"),
    [
        ("spectral", True),
        ("moments", True),
        ("moments", False),
        ("data", True),
        ("data", False),
        ("stochastic", True),
        ("stochastic", False),
    ],
)
def test_an_interrupt_keeps_the_model_and_is_not_swallowed(engine: str, listening: bool) -> None:
    X, y = real_table()

    def press(record: Record) -> None:
        if record.epoch == 5:
            os.kill(os.getpid(), signal.SIGINT)

    schedule_calls: list[int] = []

    def rate(epoch: int) -> float:
        schedule_calls.append(epoch)
        if epoch == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return 1e-3

    model = regressor(engine, tol=0, **({"callbacks": press} if listening else {"learning_rate": rate}))
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(X, y)
    assert model.stop_reason_ == "interrupted"
    assert model.n_iter_ in (4, 5)
    assert len(model.history_) == model.n_iter_ + 1
    assert model.stop_message_.startswith(f"Interrupted at epoch {model.n_iter_}; the model so far is kept")
    (note,) = caught.value.__notes__
    assert note == f"{model.stop_message_} The estimator is fitted and can predict."
    assert np.all(np.isfinite(model.predict(X)))


def test_a_signal_from_outside_is_caught_wherever_the_descent_is() -> None:
    X = np.random.default_rng(0).random((150_000, 5))  # enough to be read by threads
    model = GradientDescentRegressor(loss="huber", tol=0, max_iter=10**9, learning_rate=1e-6)
    started = threading.Event()

    def press() -> None:
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=press)
    waiting.start()
    model.set_params(callbacks=lambda record: started.set() if record.epoch == 3 else None)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, X.sum(axis=1))
    waiting.join()
    assert model.stop_reason_ == "interrupted"
    assert model.n_iter_ >= 2
    assert np.all(np.isfinite(model.coef_))


@each_engine
def test_after_an_interrupt_a_warm_start_goes_on(engine: str) -> None:
    X, y = real_table()

    def press(record: Record) -> None:
        if record.epoch == 6:
            raise KeyboardInterrupt

    model = regressor(engine, tol=0, warm_start=True, callbacks=press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert model.n_iter_ == 6
    model.set_params(callbacks=None, max_iter=14).fit(X, y)
    whole = regressor(engine, tol=0, max_iter=20).fit(X, y)
    np.testing.assert_array_equal(model.history_["epoch"], whole.history_["epoch"])
    np.testing.assert_allclose(model.history_.coef, whole.history_.coef, rtol=1e-9, atol=1e-12)
