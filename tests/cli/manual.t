#!/usr/bin/python3
"""Executes the examples of README.md and the manual. SPDX-License-Identifier: MIT

In every page, blocks that begin with ```lua or ```sh are run in order, in one folder of that page's
own, where tests/make_scene.py has put scene.tif and classes.tif, tests/make_collection.py scenes.json,
and `scripts` leads to the scripts of this repository. ```lua with an output( in it is run with `tellua run`, other Lua with `tellua -e`; a
first line "-- name.lua" also keeps it as that file. A ```text block right behind is what it must
print on standard output; "..." there stands for anything. Blocks must succeed. Other words behind
``` are not executed. A test that needs more than two minutes says so: test-timeout: 300"""
import glob
import os
import re
import subprocess
import sys
import tempfile

top = os.getcwd()
tellua = os.environ["TELLUA"]
env = dict(os.environ, PATH=os.path.dirname(tellua) + ":" + os.environ["PATH"], LC_ALL="C.UTF-8")
count = 0


def blocks(page):
    """(line, word, text, expected or None) of each executable block."""
    found = []
    fence = None
    for number, line in enumerate(open(page, encoding="utf-8"), 1):
        if fence is None and line.startswith("```"):
            fence = (number, line[3:].strip(), [])
        elif fence is not None and line.startswith("```"):
            found.append((fence[0], fence[1], "".join(fence[2]), number))
            fence = None
        elif fence is not None:
            fence[2].append(line)
    if fence is not None:
        print("# %s: the block at line %d does not end" % (page, fence[0]))
        sys.exit(1)
    for i, (line, word, text, end) in enumerate(found):
        if word in ("lua", "sh"):
            after = found[i + 1] if i + 1 < len(found) else None
            expected = after[2] if after and after[1] == "text" and after[0] <= end + 2 else None
            yield line, word, text, expected


def command(word, text, folder):
    if word == "sh":
        return ["sh", "-eu", "-c", text]
    name = re.match(r"-- (\S+\.lua)\n", text)
    if name:
        with open(os.path.join(folder, name.group(1)), "w", encoding="utf-8") as f:
            f.write(text)
    if "output(" not in text:
        return [tellua, "-e", text]
    path = name.group(1) if name else "block.lua"
    with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
        f.write(text)
    return [tellua, "run", path]


def fits(said, expected):
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, said.strip(), re.S) is not None


def run(page, line, word, text, expected, folder):
    global count
    count += 1
    done = subprocess.run(command(word, text, folder), cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, encoding="utf-8", errors="replace")
    good = done.returncode == 0 and (expected is None or fits(done.stdout, expected))
    print("%sok %d - the example at %s:%d" % ("" if good else "not ", count, page, line))
    if not good:
        said = done.stdout + done.stderr + "\nexit %d" % done.returncode
        print("".join("# %s\n" % s for s in said.strip().splitlines()[:30]), end="")
    return good


pages = ["README.md", "docs/coming-from.md"] + sorted(glob.glob("docs/manual/*.md"))
good = True
for page in pages:
    with tempfile.TemporaryDirectory() as folder:
        for maker in ("tests/make_scene.py", "tests/make_collection.py"):
            subprocess.run(["/usr/bin/python3", os.path.join(top, maker)], cwd=folder, check=True)
        os.symlink(os.path.join(top, "scripts"), os.path.join(folder, "scripts"))
        os.symlink(os.path.join(top, "docs"), os.path.join(folder, "docs"))
        for block in blocks(page):
            good = run(page, *block, folder) and good
print("1..%d" % count)
sys.exit(0 if good else 1)
