"""The bundled engine: it takes in events, calls apps and keeps runs going. Start one with `server.DevServer`."""
