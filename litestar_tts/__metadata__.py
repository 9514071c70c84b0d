"""The package's version, in one place: hatchling, the API and the CLI read it here."""

__version__ = "0.1.0"
