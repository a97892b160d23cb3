"""The second version of the REST API, `/api/v2`: its shapes, its routes, and their OpenAPI description."""
