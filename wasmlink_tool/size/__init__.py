"""Why a module is as large as it is: what each byte belongs to, what keeps it in, and what changed.

Nothing here is imported by a link that did not ask for it. How it works:

1. :mod:`.module_spans` divides the finished module into spans, one behind the other, so that sums are exact.
2. :mod:`.reference_graph` numbers what liveness decides about (functions, segments, globals ...) and lists what each of
   them refers to, from the relocations that the link has decoded already. The first of its chains from a root
   (:mod:`.chains`) answers ``--why-live``; its dominators (:mod:`.dominators`) give retained sizes.
3. :mod:`.attribution` gives each span to a part: a function, a data symbol, an object's debug section, padding ...
   A module of another linker has no graph, and its parts come from its own sections (:mod:`.finished_module`).
4. A :class:`.size_report.SizeReport` is what all of that comes to. It is written as text, JSON, Markdown or HTML, and
   compared with another one (:mod:`.size_changes`).
"""
