"""Linking again: the state that a link leaves in the cache, and links that do no more than what changed asks for.

Nothing here decides anything that the passes do not decide. A state is used where it is certain that every decision
would be the same; in any other case the ordinary link runs.
"""
