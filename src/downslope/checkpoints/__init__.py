"""What outlives the process of a run: what it has come to, from which the same call goes on."""
