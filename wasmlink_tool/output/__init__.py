"""Write a finished link: sections, names, producers, features, build id, map, the file."""
