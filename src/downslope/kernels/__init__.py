"""Passes over single rows and mini-batches: compiled, or where the work is small Python's own.

The only package that imports numba, which it does when a kernel is first compiled or loaded (`translation`).
"""

__all__: list[str] = []
