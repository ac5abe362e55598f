"""What a person reads: tables, pictures, the terminal and the HTML page."""
