import sys

from pages import serve

if __name__ == "__main__":
    serve("modern", int(sys.argv[1]))
