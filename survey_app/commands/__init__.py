"""What the command line can do, one noun a file; `survey_app.cli` puts them together."""
