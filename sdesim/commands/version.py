"""The verb that says which version this is."""

from sdesim import __version__


def version() -> None:
    """Print the version."""
    print(__version__)
