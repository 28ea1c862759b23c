"""The operations of the API, one file per resource: a table of its parameters, and a function for each operation."""
