"""Playbooks on a virtual clock: customers, their facts and journeys in memory, decided by the engine's own code.

A world goes from one instant to the next: at one instant facts come first, then flips of standing, moments of the
calendar, and waits that are over. Nothing is asked of a database, a clock or Temporal.
"""
