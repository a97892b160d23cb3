"""Triggers and options of functions: what users write, what engines accept, and how each goes over the wire."""
