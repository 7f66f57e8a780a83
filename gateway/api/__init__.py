"""REST in OSMO's shapes: a route parses, calls one use case, returns a schema. Source: api.md."""
