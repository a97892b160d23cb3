"""Workers that connect to the engine: who they are, and the calls that they are given. Needs the extra `connect`."""
