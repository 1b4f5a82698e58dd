"""What `equipoise nma` is made of: reading the table, the analysis, its tables, figures, report and script."""
