"""The rules; each changing function commits once, before it returns."""
