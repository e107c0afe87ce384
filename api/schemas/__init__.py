"""Request and response bodies: strict, bounded, unknown fields forbidden."""
