"""What every report has in common: what it is, how it is asked, how it is written."""
