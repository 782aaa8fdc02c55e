"""One fit from rows to result."""
