import sys

from pages import serve

if __name__ == "__main__":
    serve("older", int(sys.argv[1]))
