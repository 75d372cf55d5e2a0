"""What GitHub's API tells of accounts, people and seats, made rows: one module a step.

Each step reads all it needs of a list before it writes the first row of it, and is safe to repeat: a run
that was killed, refused or rate limited is made good by the next.
"""
