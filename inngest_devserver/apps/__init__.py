"""Apps and their functions: registered, checked, and asked to register."""
