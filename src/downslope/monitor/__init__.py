"""Who follows a descent: callbacks, printed lines, progress on a terminal or in a notebook."""
