"""The parts of the bench `fire`: faults, a provider that counts, workers that die, and a checker that judges."""
