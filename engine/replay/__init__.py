"""Replay: recorded facts go into the running engine again, with waits held by the shop's clock."""
