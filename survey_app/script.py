"""What Streamlit runs for each step of each person: as little as possible, because all of it is executed anew."""

from survey_app.app import show_app

if __name__ == "__main__":
    show_app()
