"""The README and the pages in docs/: their examples run, their links lead somewhere, and they leave nothing out."""
