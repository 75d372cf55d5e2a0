"""Tables kept by hand as spreadsheets: read, mapped, tried, taken in, and written again, the same."""
