"""How values become text, HTML and plots."""
