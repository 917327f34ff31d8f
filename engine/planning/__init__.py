"""What edited rules would change before they are applied, and how they come into force."""
