"""Messages: what may be sent (reserve), what it says (render), and what became of it (record)."""
