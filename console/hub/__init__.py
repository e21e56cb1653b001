"""The command line `hub`: one file per noun."""
