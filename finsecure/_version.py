"""The version of this package, and of the API that it speaks."""

__version__ = "0.1.0"
API_VERSION = "2023-10-16"
