"""The operations of the API, a file a resource: its parameters as a table, its operations as functions."""
