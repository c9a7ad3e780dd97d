"""People, places and time: the questionnaire, the store, the researcher's screens and the command line."""
