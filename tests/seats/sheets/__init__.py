"""Tables kept by hand as sheets."""
