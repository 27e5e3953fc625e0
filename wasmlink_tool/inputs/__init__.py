"""Files to objects: object files, archives, library search. What is here depends on one file alone."""
