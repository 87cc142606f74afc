"""What transfers said: figures, plots, pages, and forecasts of the next."""
