"""Module size: the owner of each byte, what keeps it in, and what changed.

Only a link that asks for it imports this package. How it works:

1. :mod:`.module_spans` divides the finished module into adjacent spans, so that sums are exact.
2. :mod:`.reference_graph` numbers the units of liveness (functions, segments, globals ...) and lists the references of
   each, from the relocations that the link has decoded already. The first of its chains from a root (:mod:`.chains`)
   answers ``--why-live``; its dominators (:mod:`.dominators`) give retained sizes.
3. :mod:`.attribution` assigns each span to a part: a function, a data symbol, an object's debug section, padding ... A
   module of another linker has no graph, and its parts come from its own sections (:mod:`.finished_module`).
4. A :class:`.size_report.SizeReport` holds the result. It is written as text, JSON, Markdown or HTML, and compared with
   another one (:mod:`.size_changes`).
"""
