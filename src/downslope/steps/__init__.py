"""Step rules and learning rates, each a pair (init, update) or (init, rate) over a state that is handed on."""
