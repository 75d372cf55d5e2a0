"""Cards of the metrics app on the home page."""
