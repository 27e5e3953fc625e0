"""Files to objects: object files, archives, library search. Each result depends on one file alone."""
