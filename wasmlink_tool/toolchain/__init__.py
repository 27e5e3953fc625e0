"""Where a compiler is found, what it is, and what it brings: one search for the SCons tool and for bitcode.

Nothing here knows SCons.
"""
