"""Real apps on real sockets against the real embedded engine: what a user sees, and what the functions did."""
