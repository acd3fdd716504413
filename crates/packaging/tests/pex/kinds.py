"""Writes a wheel that has of everything that a wheel can have what few published ones do."""

import sys, zipfile
info, data = "kinds-1.0.dist-info/", "kinds-1.0.data/"
files = {
    "kinds/__init__.py": "", "kinds/a,b.txt": "x", "kinds/unlisted.py": "x = 1\n", "kinds/old.pyc": "no code",
    data + "purelib/kinds_pure/__init__.py": "", data + "platlib/kinds_plat.py": "y = 1\n",
    data + "headers/kinds.h": "", data + "data/share/kinds.txt": "z", data + "data/lib64/kinds.conf": "k",
    data + "scripts/plain": "#!/bin/sh\necho 1\n", data + "scripts/kept": "#!/usr/bin/env python\n",
    data + "scripts/ours": "#!python -u\n# coding: latin-1\nprint()\n", data + "scripts/window": "#!python\n",
    info + "METADATA": "Metadata-Version: 2.1\nName: kinds\nVersion: 1.0\n",
    info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
    info + "entry_points.txt": "[console_scripts]\nkind = kinds:a.b\n[gui_scripts]\nwindow = kinds:w [x]\n",
}
rows = ['"%s",,' % name if "," in name else name + ",," for name in sorted(files) if "unlisted" not in name]
files[info + "RECORD"] = "\r\n".join(rows + [info + "RECORD,,", ""])
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as wheel:
    for name, text in files.items():
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
        wheel.writestr(entry, text)
