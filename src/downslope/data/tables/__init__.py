"""Tables on disk as columns of numbers: read, encoded, and refused in sentences."""
