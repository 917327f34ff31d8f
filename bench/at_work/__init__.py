"""The engine at work, for the bench of journeys: a shop, workers as processes, and each figure's part."""
