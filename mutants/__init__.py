"""Mutants: the mathematics with one constant or comparison changed, and whether a test notices."""
