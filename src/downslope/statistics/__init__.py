"""Sums over rows, their exact minimum, and how many of its digits can be believed."""
