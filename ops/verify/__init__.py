"""Verification: what lies below a root, as manifests, and whether two of them say the same."""
