"""The only IO of the document worker: `load` reads the world, `apply` changes it, one module per kind of thing."""
