"""`cinefold reproduce`: the source paper's tables and figures, measured again.

`measurements` computes pandas frames, `figures` draws them, and `page` writes them as
HTML. Importing them loads the compiler, so only the command does.
"""
