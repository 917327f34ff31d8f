"""What the bench of the simulation shares with others."""
