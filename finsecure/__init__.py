"""FinSecure for Python."""
