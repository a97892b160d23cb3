"""The embedded engine: takes events, calls apps, keeps runs going. Start one with `server.DevServer`."""
