"""Instances that match the inventory: declared + observed -> plan -> steps, again and again."""
