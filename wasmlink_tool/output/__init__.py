"""From a finished link to bytes: sections, names, producers, features, build id, map, the file."""
