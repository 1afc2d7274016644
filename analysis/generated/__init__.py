"""Files that are made from the code: tables of the docs and the index of shipped scenarios.

`python -m analysis.generated` writes them anew; a test says whether they are up to date.
"""
