"""Where rows come from: arrays, frames, files, generated and example data.

Optional libraries (pandas, polars, pyarrow, duckdb) are imported here and nowhere else.
"""

from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.examples import load_example
from downslope.data.generated import make_linear
from downslope.data.source import Source

__all__ = ["ArraySource", "Block", "Source", "load_example", "make_linear"]
