"""What people in operations see and do: figures, controls with their history, events told by hand."""
