"""The pictures of the gallery, and its page from the figures' own docstrings."""
