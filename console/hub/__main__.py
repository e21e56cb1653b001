"""`python -m console.hub`."""

from console.hub.main import main

if __name__ == "__main__":
    main()
