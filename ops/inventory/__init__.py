"""The inventory repo: what people declare, what tasks observed, what was done."""
