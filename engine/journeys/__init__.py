"""Journeys: the compiled plan and the pure interpreter `(plan, state, input) -> (state, commands)`."""
