"""Backups: snapshots in the cloud, archives on campus, and the proof that they restore."""
