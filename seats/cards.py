"""Cards of the seats app on the home page."""
