"""Files that nobody wrote: ``python -m fuzzing layout|checkpoint|model [SECONDS]``.

Whatever the bytes, no other error leaves the package than its own. Coverage guides what is tried (libFuzzer).
"""

import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["downslope"]):
    import numpy as np

    from downslope import GradientDescentRegressor, load_model, save_model
    from downslope.checkpoints import codec
    from downslope.data import load_example
    from downslope.data.tables.layout import read_layout
    from downslope.exceptions import DownslopeError

HOME = Path(tempfile.mkdtemp())
CARS = load_example("auto_mpg").path


def layout(data: bytes) -> None:
    """The header and the delimiter of a text table."""
    path = HOME / "t.csv"
    path.write_bytes(data)
    read_layout(path, ".", path)


def checkpoint(data: bytes) -> None:
    """A checkpoint whose checksum fits whatever is in it: the length of its tree comes first."""
    length = int.from_bytes(data[:2], "little")
    content = codec.HEADER.pack(codec.MAGIC, codec.VERSION, codec.NO_SUM, length) + data[2:]
    total = codec.checksum([content[codec.SUMMED_FROM :]])
    codec.decode(codec.HEADER.pack(codec.MAGIC, codec.VERSION, total, length) + data[2:])


def model(data: bytes) -> None:
    """A model file, which predicts where it is taken."""
    path = HOME / "m.json"
    path.write_bytes(data)
    found = load_model(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.predict(np.zeros((2, found.coef_.size)))


TARGETS: dict[str, Callable[[bytes], None]] = {"layout": layout, "checkpoint": checkpoint, "model": model}


def seeds(name: str) -> Path:
    """Whole files to begin from."""
    folder = HOME / "seeds"
    folder.mkdir()
    random = np.random.default_rng(0)
    X = random.normal(size=(30, 2))
    for number, options in enumerate(({}, {"loss": "huber"}, {"batch_size": 4, "max_iter": 3, "tol": 0})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = GradientDescentRegressor(random_state=0, **options).fit(X, X.sum(axis=1))
        if name == "model":
            save_model(fitted, folder / str(number))
        elif name == "checkpoint":
            whole = codec.encode(fitted._going_on)
            length = codec.HEADER.unpack_from(whole)[3]
            (folder / str(number)).write_bytes(length.to_bytes(2, "little") + whole[codec.HEADER.size :])
    if name == "layout":
        texts = (
            CARS.read_bytes()[:600],
            b"a;b\n1,5;2\n",
            b"\xef\xbb\xbfa\tb\r\n1\t2\r\n",
            b"# c\n---\na|b\n1|2\n",
            b'"a,b",c\n',
        )
        for number, text in enumerate(texts):
            (folder / str(number)).write_bytes(text)
    return folder


def main(name: str, seconds: int) -> None:
    """Try what coverage suggests for so long; what fails is written beside this call."""

    def try_one(data: bytes) -> None:
        with suppress(DownslopeError):
            TARGETS[name](data)

    atheris.Setup(
        [sys.argv[0], str(seeds(name)), f"-max_total_time={seconds}", "-max_len=8000", "-rss_limit_mb=4000"], try_one
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600)
