"""What a worker serves over HTTP: its health, its metrics, and the events a shop tells."""
