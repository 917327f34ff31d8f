"""Journeys on a virtual clock: the plans, the interpreter and the decisions of production over facts in memory."""
