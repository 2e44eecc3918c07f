"""What goes inside the jail, and what both sides of its wall share. Imports nothing from the rest of the project."""
