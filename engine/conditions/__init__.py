"""Conditions: predicates over attributes, as data (`ast`) and as closures with a trace (`compile`)."""
