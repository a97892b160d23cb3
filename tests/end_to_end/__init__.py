"""Real apps on real sockets against the real bundled engine: what a user sees, and what the functions did."""
