"""Greetings in several languages, which lie beside this file as data."""

import json
import pkgutil


def languages():
    """The codes of all languages, sorted."""
    return sorted(_words())


def greeting(name, language="en"):
    """A greeting for somebody; KeyError if the language is not known."""
    return _words()[language].format(name=name)


def _words():
    return json.loads(pkgutil.get_data(__name__, "words.json").decode("utf-8"))
