"""One file a resource: what it can do, then what it looks like."""
