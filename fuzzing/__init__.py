"""Files that nobody wrote, tried for as long as one likes."""
