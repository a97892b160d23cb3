"""The Model Context Protocol: an engine's API as tools of coding assistants, on the official `mcp` package."""
