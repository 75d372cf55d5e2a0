"""A generated company as GitHub-shaped files: the demo's data, and the tests' people."""

from metrics.sample.company import Company
from metrics.sample.files import SampleFile, write_files

__all__ = ["Company", "SampleFile", "write_files"]
