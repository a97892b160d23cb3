"""The apps, one module for each kind; all serve the same endpoints. Imported by the server processes only."""
