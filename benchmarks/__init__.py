"""The project's claims of speed and memory, measured: `make bench`, or `python -m benchmarks --help`."""
