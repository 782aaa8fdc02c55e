"""A Ctrl-C that comes when a test has computed for a while, by its own clock: a busy machine does not hurry it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interrupted_after", "press_after"]

AGAIN = 0.01


def press_after(seconds: float) -> None:
    """Press Ctrl-C once this process has used so many more seconds of processor time; 0 takes it back."""
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


@contextmanager
def interrupted_after(seconds: float = 0.0) -> Iterator[None]:
    """Within it, Ctrl-C is pressed once this process has used so many seconds, or when `press_after` says.

    It may come while Python calls back from where it cannot raise (a weak reference's end, the collector's hooks):
    there it is lost, as it is for a person, who presses again.
    """

    def press(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def press_again(lost: Any) -> None:
        if isinstance(lost.exc_value, KeyboardInterrupt):
            press_after(AGAIN)
        else:
            hook(lost)

    # A process that a shell started in the background ignores Ctrl-C.
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGVTALRM: press}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    hook, sys.unraisablehook = sys.unraisablehook, press_again
    press_after(seconds)
    try:
        yield
    finally:
        press_after(0.0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
