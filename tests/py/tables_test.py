#!/usr/bin/python3
"""Class tables as legends. SPDX-License-Identifier: MIT"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import done, np, ok, tellua, write  # noqa: E402

WORK = tempfile.mkdtemp(prefix="tables")
write(os.path.join(WORK, "code.tif"), [np.zeros((4, 5), "uint8")])


def run(text, expect=0):
    with open(os.path.join(WORK, "s.lua"), "w") as f:
        f.write('local code = Image "%s/code.tif"\n%s\n' % (WORK, text))
    return tellua("run", "--quiet", os.path.join(WORK, "s.lua"), "--out", WORK, expect=expect)


for name, n, at, value, word, color in (("scl", 12, 5, 4, "vegetation", "#00a000"), ("worldcover", 11, 1, 10, "tree cover", "#006400"),
                                        ("dynamicworld", 9, 1, 0, "water", "#419bdf")):
    out = run("""local l = code:classes(class_table "%s"):legend()
print(l.type, #l.entries, l.entries[%d].value, l.entries[%d].label, l.entries[%d].color)
output("o", code)""" % (name, at, at, at))[0].split("\n")[0].split("\t")
    ok(out == ["classes", str(n), str(value), word, color], "%s is a legend" % name, out)
err = run('code:classes(class_table "corine")', 1)[1]
ok("dynamicworld, scl, worldcover" in err and "s.lua:2" in err and err.count("\n") == 1, "a table that is not there is refused", err)
done()
