"""What a run leaves behind: its record, the definition of every metric, and where records are kept."""
