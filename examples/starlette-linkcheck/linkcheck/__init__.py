"""Finds dead links: give it the address of a page, and it checks where its links lead, now and every night."""
