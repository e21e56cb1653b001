"""What an operator uses: the `hub` command line and a page, over one read side."""
