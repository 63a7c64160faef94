"""The Streamlit console: reads rows, shows them, sends commands."""
