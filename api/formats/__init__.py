"""File formats: ratings in, ratings out, strict JSON."""
