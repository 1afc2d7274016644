"""The site of the docs: pages from all over the repository, the API from docstrings, pages that runs made.

`make docs` builds it into ``build/site``; every step is strict, so that a link to nowhere ends the build.
"""
