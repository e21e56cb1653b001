"""The image and the compose stack, where a container engine answers."""
