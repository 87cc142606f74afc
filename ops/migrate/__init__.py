"""Metered transfers: data moves from source to target directly, the controller steers."""
