"""Greets."""

import argparse

from greetings import greeting, languages


def main():
    parser = argparse.ArgumentParser(prog="hello", description=__doc__)
    parser.add_argument("name", nargs="?", default="world")
    parser.add_argument("--language", choices=languages(), default="en")
    options = parser.parse_args()
    print(greeting(options.name, options.language))
