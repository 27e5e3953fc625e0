"""What messages say beyond the error itself: near names, libraries that were not linked, source lines."""
