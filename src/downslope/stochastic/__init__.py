"""Compiled passes over single rows and mini-batches: the only package that imports numba.

Nothing is imported here, so that `import downslope` stays quick: numba loads when a stochastic method first runs.
"""

__all__: list[str] = []
