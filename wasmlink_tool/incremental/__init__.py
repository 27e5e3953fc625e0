"""Warm links: how a link starts from the previous one.

**Promise.** A warm link writes, byte for byte, the module of a clean link of the same inputs. Every decision is that of
the passes; if a decision might differ, the passes make it. Nothing here reports an error about an input: in any unusual
case an ordinary link runs, and reports it.

**State.** A finished link leaves a state in the cache directory, named by its options, its directory and the linker
(:mod:`.state`, :mod:`.save_state`): the files that it read, with stamps and keys of their contents; the locations of
each object's functions, segments and custom sections in the module; the meaning of its symbols; the module; and notes
of those fields of debug information whose target can move (:mod:`.moved_fields`).

**The next link** (:mod:`.relink`) takes the first of four ways that is possible:

1. *Patch.* No decision can differ: each changed object has the same definitions and references, in the same order
   (:mod:`.find_changes`, :mod:`.match_objects`, :mod:`.compare_references`). Only the changed objects are relocated
   (:mod:`.replacements`, with stand-ins for the files around them: :mod:`.previous_link`), and the module is patched
   where functions and custom sections moved (:mod:`.patch_module`, :mod:`.remerge_strings`).
2. *Update decisions.* Changed objects may have other functions, data and references: their symbols are resolved,
   everything is marked, numbered and laid out again from columns of the last link (:mod:`.update`), and numbers and
   addresses in unchanged objects are corrected in place (:mod:`.update_module`, :mod:`.number_fields`,
   :mod:`.move_data`, :mod:`.address_fields`).
3. *Decide again, copy bytes.* The passes run over cached objects; each section of an unchanged object is copied from
   the last module, and the fields whose target has a new value are corrected (:mod:`.reuse`).
4. *Full link.* A warm link does not support an option (``options.FIELDS``) or something in an object
   (:mod:`.accepted`), or there is no usable state.

``--time-report`` prints the chosen way, and why no faster one was possible.

**Trust.** States are untrusted input: columns with checked bounds and checksums, so that a damaged or forged one costs
a full link at worst.
"""
