"""The same work done with bare libraries or with others' frameworks, as their own pages show it."""
