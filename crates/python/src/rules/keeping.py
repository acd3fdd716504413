import hashlib, json, os, shutil, subprocess, sys

codes, kept, *command = sys.argv[1:]
command = [word.replace('$VIRTUAL_ENV', os.environ['VIRTUAL_ENV']) for word in command]
notes = os.path.join(kept, '.pants-times.json')


def read():
    try:
        with open(notes) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {'last': 1000000000, 'files': {}}


def stamp():
    # A tool that trusts the time and the size of a file gets a time that it has not seen yet with each content.
    known = read()
    last, files = known['last'], {}
    for base, folders, names in os.walk('.'):
        folders[:] = sorted(name for name in folders if os.path.join(base, name) != os.path.join('.', kept))
        for path in (os.path.join(base, name) for name in sorted(names)):
            with open(path, 'rb') as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            was, time = known['files'].get(path, (None, 0))
            if was != digest:
                last = time = last + 1
            files[path] = (digest, time)
            os.utime(path, (time, time))
    with open(notes, 'w') as file:
        json.dump({'last': last, 'files': files}, file)


def run():
    stamp()
    return subprocess.run([sys.executable, '-I', '-B', '-m', *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


os.makedirs(kept, exist_ok=True)
had = bool(os.listdir(kept))
done = run()
if had and done.returncode not in (0, 1):
    # It may be what was kept that it cannot cope with.
    shutil.rmtree(kept)
    os.mkdir(kept)
    done = run()
sys.stdout.buffer.write(done.stdout)
sys.stderr.buffer.write(done.stderr)
with open('.pants-exit-code', 'w') as file:
    file.write(str(done.returncode))
sys.exit(0 if str(done.returncode) in codes.split(',') else done.returncode)
