"""A descent as a moving picture: the line, the bowl and the loss, epoch by epoch."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from downslope.data.written import write_whole
from downslope.displays.frames import encode, frame_records, render
from downslope.displays.reading import fitted
from downslope.displays.scenes import COLOURS, compose, pair_rows
from downslope.displays.style import drawing
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding

__all__ = ["Animation", "animate"]

_MOST_FRAMES = 80
_MOST_BYTES = 1_000_000
# From one that looks best to one that is always small enough: the share of the frames, dots an inch, shades a colour.
_QUALITIES = ((1.0, 100, 4), (1.0, 80, 3), (0.75, 72, 2), (0.4, 60, 2), (0.15, 50, 1))


@dataclass(frozen=True)
class Animation:
    """A GIF in memory, which a notebook shows.

    Attributes
    ----------
    data : bytes
        The file.
    epochs : tuple of int
        Those that are shown, one a frame.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from downslope import GradientDescentRegressor, animate, make_linear
    >>> data = make_linear(random_state=0)
    >>> model = GradientDescentRegressor(learning_rate=0.5).fit(data.X, data.y)
    >>> animation = animate(model, data.X, data.y, max_frames=5)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "descent.gif"
    >>> animation.save(path)
    >>> path.read_bytes()[:6]
    b'GIF89a'
    """

    data: bytes
    epochs: tuple[int, ...]

    @property
    def n_frames(self) -> int:
        """The number of frames."""
        return len(self.epochs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file.

        Parameters
        ----------
        path : path
            Ends in .gif.

        Raises
        ------
        InputError
            For another ending.
        FileError
            Where it cannot be written.
        """
        write_whole(_checked(path), self.data)

    def __repr__(self) -> str:
        return f"<{self._words()}>"

    def _repr_html_(self) -> str:
        return f'<img alt="{self._words()}" src="data:image/gif;base64,{b64encode(self.data).decode()}">'

    def _words(self) -> str:
        return f"Animation: {self.n_frames} frames to epoch {self.epochs[-1]:,}, {len(self.data) / 1000:,.0f} kB"


def animate(
    model: Any,
    X: Any,
    y: ArrayLike,
    *,
    path: str | os.PathLike[str] | None = None,
    features: Sequence[int | str] | None = None,
    true_coef: ArrayLike | None = None,
    true_intercept: float | None = None,
    target_name: str | None = None,
    max_frames: int = 80,
    lang: str | None = None,
) -> Animation:
    """Show a descent: the line, the bowl and the loss, coming down together.

    Of one feature the line through the rows is shown, of several the predicted against the actual values. The bowl is
    that of `LossSurfaceDisplay`; it is left out where the fit has no `landscape_`, as with other losses, and where it
    has a single parameter.

    Parameters
    ----------
    model : GradientDescentRegressor, SGDRegressor or Pipeline
        Fitted; of a pipeline the last step descends.
    X : array of shape (n, d)
    y : array of shape (n,)
        The rows that it was fitted on, or others. Of many, a random part is drawn, always the same.
    path : path, optional
        Where to write the GIF.
    features, true_coef, true_intercept : optional
        As for `LossSurfaceDisplay.from_estimator`.
    target_name : str, optional
        For the labels; taken from `y` where it carries a name.
    max_frames : int, default=80
        From 2 to 80. Of more epochs the frames show some, evenly apart on a logarithmic scale.
    lang : {"en", "ko"}, optional
        The language of the words, English without it.

    Returns
    -------
    Animation
        Smaller than 1 MB: shades, dots and at last frames are left out until it is.

    Raises
    ------
    InputError
        For a model without a history, rows that do not suit it, and a path that does not end in .gif.
    FileError
        For a folder that is not there.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, animate, make_linear
    >>> data = make_linear(random_state=0)
    >>> model = GradientDescentRegressor(learning_rate=0.5).fit(data.X, data.y)
    >>> animation = animate(model, data.X, data.y, max_frames=10)
    >>> animation.n_frames, animation.epochs[0], animation.epochs[-1] == model.n_iter_
    (10, 0, True)
    """
    place = None if path is None else _checked(path)
    history = fitted(model).history_
    if isinstance(max_frames, bool) or not isinstance(max_frames, Integral) or not 2 <= max_frames <= _MOST_FRAMES:
        raise InputError(Finding.of("displays.max_frames", got=max_frames, most=_MOST_FRAMES))
    rows = pair_rows(model, X, y, target_name)
    known = {"features": features, "true_coef": true_coef, "true_intercept": true_intercept}
    for share, dpi, shades in _QUALITIES:
        records = frame_records(history["epoch"], max(round(share * max_frames), 2))
        with drawing(own_figure=True, lang=lang), np.errstate(over="ignore", invalid="ignore"):
            figure, parts = compose(model, rows, dpi, **known)
            data = encode(render(figure, parts, records.tolist()), COLOURS, shades)
        if len(data) < _MOST_BYTES:
            break
    animation = Animation(data, tuple(int(epoch) for epoch in history["epoch"][records]))
    if place is not None:
        animation.save(place)
    return animation


def _checked(path: str | os.PathLike[str]) -> Path:
    """A path that a GIF can be written to."""
    place = Path(path)
    if place.suffix.lower() != ".gif":
        raise InputError(Finding.of("displays.no_gif", got=os.fspath(path)))
    if not place.parent.is_dir():
        raise FileError(Finding.of("displays.no_folder", path=str(place), folder=str(place.parent)))
    return place
