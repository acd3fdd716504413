"""What colleagues use on their terminals."""
