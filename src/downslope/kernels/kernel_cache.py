"""Kernels on disk, kept for as long as the files of this folder hold what they hold now.

Numba itself keeps a kernel until the one file that its function stands in changes, some versions until its time does,
and in a folder that is named after the path of that file. Ours take their code from all files of this folder, and a
copy of these in another place, such as a fresh clone or container, is to find what was compiled for the first.
"""

import os
from contextlib import suppress
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

__all__ = ["KernelCache"]


def contents(package: str) -> str:
    """A digest of the names and the bytes of a package's modules, empty where their source is not at hand."""
    modules = {file.name: file.read_bytes() for file in files(package).iterdir() if file.name.endswith(".py")}
    digests = [name.encode() + blake2b(source).digest() for name, source in sorted(modules.items())]
    return blake2b(b"".join(digests), digest_size=20).hexdigest() if modules else ""


CONTENTS = contents(__package__)


class KernelIndex(IndexDataCacheFile):
    """Numba's list of the files in which one function is kept, by the types that it was compiled for."""

    def save(self, key: Any, data: Any) -> None:
        """Keep a kernel in a file named after its key: numbered, two processes might give one name to two kernels."""
        os.makedirs(self._cache_path, exist_ok=True)
        name = self._data_name(int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big"))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})

    def _load_index(self) -> dict[Any, Any]:
        """The list, empty where it cannot be read, as one that another version wrote of what no longer is."""
        try:
            kept: dict[Any, Any] = super()._load_index()
        except Exception:
            return {}
        return kept


class KernelCache(FunctionCache):
    """Where one function is kept: in ``__pycache__``, or in a folder named after the contents of our files.

    Raises
    ------
    RuntimeError
        If there is no folder that can be written.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        folder = Path(self.cache_path)
        if CONTENTS and folder.name != "__pycache__":
            self._cache_path = str(folder.with_name(f"downslope_{CONTENTS}"))
        stamp = CONTENTS or self._impl.locator.get_source_stamp()
        self._cache_file = KernelIndex(self._cache_path, self._impl.filename_base, stamp)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel where that can be done: it has been compiled all the same."""
        with suppress(OSError):
            super().save_overload(sig, data)
