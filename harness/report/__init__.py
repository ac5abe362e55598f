"""Reports for people: tables, plots, the terminal and the HTML page."""
