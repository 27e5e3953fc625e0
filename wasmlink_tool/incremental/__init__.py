"""Warm links: how a link begins with the one before it.

**Promise.** A warm link writes, byte for byte, what a clean link of the same inputs writes. Every decision is that
of the passes; where it is not certain that a decision would be the same, the passes make it. Nothing here reports
an error about an input: whatever is unusual takes an ordinary link, which reports it.

**State.** A finished link leaves a state in the cache directory, named by its options, its directory and the linker
(:mod:`.state`, :mod:`.save_state`): the files that it read with stamps and keys of their contents; where each
object's functions, segments and custom sections are in the module; what its symbols mean; the module; and notes of
those fields of debug information that name a place which can move (:mod:`.moved_fields`).

**The next link** (:mod:`.relink`) takes the first of three ways that fits:

1. *Patch.* No decision can differ: each changed object defines and refers to what it did, in the same order
   (:mod:`.find_changes`, :mod:`.match_objects`, :mod:`.compare_references`). Only the changed objects are relocated
   (:mod:`.replacements`, with stand-ins for the files around them: :mod:`.previous_link`), and the module is
   patched where functions and custom sections moved (:mod:`.patch_module`, :mod:`.remerge_strings`).
2. *Decide again, copy bytes.* The passes run over cached objects; each section of an unchanged object is copied
   from the last module, and the fields whose target has another value are corrected (:mod:`.reuse`).
3. *Full link.* An option is one that warm links do not respect (``options.FIELDS``), an object has something that
   is not in the list of what is understood (:mod:`.accepted`), or there is no usable state.

``--time-report`` prints which way was taken, and why not a quicker one.

**Trust.** States are untrusted input: columns with checked bounds and checksums, so that a damaged or made-up one
costs a full link at worst.
"""
