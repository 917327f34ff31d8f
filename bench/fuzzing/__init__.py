"""Inputs for the loader of rules that nobody would write on purpose."""
