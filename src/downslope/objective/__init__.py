"""J and its gradient: losses, penalties, and what they add up to over rows or statistics."""
