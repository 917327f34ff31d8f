"""The query: everybody at once, held to what the fold gives for each."""
