"""Durations, local time and quiet hours. Pure: the instant is always an argument."""
