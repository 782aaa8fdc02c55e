"""A Ctrl-C that comes when a test has computed for a while, by its own clock: a busy machine does not hurry it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interrupted_after"]


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Within it, Ctrl-C is pressed once this process has used so many seconds of processor time."""

    def press(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    # A process that a shell started in the background ignores Ctrl-C.
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGVTALRM: press}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)
