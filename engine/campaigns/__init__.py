"""Campaigns at work: who gets a wave, what is still to be sent of it, how far it has come, and when it begins."""
