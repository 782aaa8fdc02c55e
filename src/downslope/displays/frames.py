"""Pictures that move: which epochs are shown, and frames made of what changes over a ground that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["Moving", "encode", "frame_records", "render"]

Floats = NDArray[np.float64]

_FIRST_MS, _LAST_MS, _ALL_MS = 700, 2500, 6000
_SLOWEST_MS, _FASTEST_MS = 600, 80


class Moving(NamedTuple):
    """Artists that change from frame to frame, and what sets them to a record of the history."""

    artists: Sequence[Artist]
    show: Callable[[int], None]


def frame_records(epoch: Floats, most: int) -> NDArray[np.intp]:
    """The records to show: all of them, or at most `most`, the epochs evenly apart on a logarithmic scale.

    Examples
    --------
    >>> frame_records(np.arange(101.0), 12).tolist()
    [0, 1, 2, 4, 5, 8, 12, 19, 28, 43, 66, 100]
    """
    last = epoch.size - 1
    if last < most:
        return np.arange(last + 1)
    # Whole epochs leave no room for as many early ones as asked for: ask for more until the room is used.
    found = np.array([0, last])
    for asked in range(most, 20 * most):
        wanted = np.append(0.0, np.geomspace(epoch[-1], 1.0, asked - 1).round())
        tried = np.unique(np.searchsorted(epoch, wanted).clip(0, last))
        if tried.size > most:
            break
        found = tried
    return found.astype(np.intp)


def render(figure: Figure, parts: Sequence[Moving], records: Sequence[int]) -> list[Any]:
    """A Pillow image of each record; only what moves is drawn more than once."""
    from PIL import Image

    canvas: Any = figure.canvas
    artists = [artist for part in parts for artist in part.artists]
    for artist in artists:
        artist.set_animated(True)
    canvas.draw()
    ground = canvas.copy_from_bbox(figure.bbox)
    images = []
    for record in records:
        canvas.restore_region(ground)
        for part in parts:
            part.show(record)
        for artist in artists:
            figure.draw_artist(artist)
        images.append(Image.fromarray(np.array(canvas.buffer_rgba())[..., :3]))
    return images


def encode(images: Sequence[Any], colours: Sequence[str], shades: int) -> bytes:
    """A GIF that loops and holds on its last frame, of white and so many shades of each colour.

    Shades are as far apart as the edges of lines and letters need. A palette made from the frames would have no room
    for the colours of what is small, such as the path.
    """
    from PIL import Image, ImageColor

    way = np.linspace(1.0, 0.0, shades, endpoint=False)[:, None]
    ink = [255.0 - way * (255.0 - np.array(ImageColor.getrgb(colour))) for colour in colours]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.vstack([[[255.0] * 3], *ink]).round().astype(np.uint8).tobytes())
    # Without dithering, a pixel that does not change keeps its colour and costs nothing.
    plain = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    pace = int(np.clip(_ALL_MS // len(images), _FASTEST_MS, _SLOWEST_MS))
    times = [_FIRST_MS, *[pace] * (len(images) - 2), _LAST_MS][-len(images) :]
    file = BytesIO()
    plain[0].save(file, format="GIF", save_all=True, append_images=plain[1:], duration=times, loop=0, optimize=True)
    return file.getvalue()
