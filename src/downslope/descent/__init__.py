"""How an epoch is made and when to stop: the loop, its passes over mini-batches, its records."""
