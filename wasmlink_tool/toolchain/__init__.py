"""Find a compiler, with its properties and its runtime: one search for the SCons tool and for bitcode.

Independent of SCons.
"""
