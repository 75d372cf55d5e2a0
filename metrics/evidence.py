"""What usage tells seats about people being alive."""
