"""The pages that show how Copilot is used: one module a page, each of panels."""
