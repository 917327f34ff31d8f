"""Why somebody has a standing, why not, and when it will change: proofs as data, and as text and JSON."""
