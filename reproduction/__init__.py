"""`cinefold reproduce`: the source paper redone, as numbers and as a page.

Loads the compiler, so it is imported by that command alone.
"""
