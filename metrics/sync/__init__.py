"""Usage from GitHub's reports: which days are missing or unsettled, and how they are fetched."""
