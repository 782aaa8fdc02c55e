"""Compiled passes over single rows and mini-batches: the only package that imports numba.

It is imported when a stochastic method first runs, so that `import downslope` stays quick.
"""

import gc

__all__: list[str] = []


def load_numba() -> None:
    """Import numba and all that its first call would import.

    A million objects are made on the way, none of them garbage: looking for some would take a third of the time
    (measured, a first call in a fresh process: 0.33 s with the collector, 0.20 s without). Nor is it looked for right
    afterwards: they join those that are old.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
    finally:
        if collecting:
            if gc.get_freeze_count() == 0:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


load_numba()
