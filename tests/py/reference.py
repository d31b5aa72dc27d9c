# What each Image operation means, written in numpy and plain Python: the slow twin of the graph.
# SPDX-License-Identifier: MIT
import math

from tap import np

BOOL, INT, FLOAT = "boolean", "integer", "float"
RANGE = {n: (np.iinfo(n).min, np.iinfo(n).max) for n in
         ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")}
RANGE["uint64"] = (0, RANGE["int64"][1])  # Lua's integers end there
F32_MAX = float(np.finfo("f4").max)


class Band:
    """Lua text, type, values (bool, int64 or float64) and which of them are valid."""

    def __init__(self, lua, type_, values, valid, cells=None, f32=False):
        self.lua, self.type, self.cells, self.f32 = lua, type_, cells, f32
        self.v = np.where(valid, values, 0).astype({BOOL: "?", INT: "i8", FLOAT: "f8"}[type_])
        self.k = valid


def constant(x, shape):
    """A number or boolean as it stands in a script."""
    if isinstance(x, bool):
        return Band("true" if x else "false", BOOL, np.full(shape, x), np.ones(shape, "?"))
    if isinstance(x, int):
        text = "math.mininteger" if x == -2 ** 63 else "(%d)" % x
        return Band(text, INT, np.full(shape, x, "i8"), np.ones(shape, "?"))
    text = "(0/0)" if x != x else "math.huge" if x == math.inf else "(-math.huge)" if x == -math.inf else \
        "(%r)" % x
    return Band(text, FLOAT, np.full(shape, x), np.full(shape, math.isfinite(x)))


def number(b):
    return b.v.astype("i8") if b.type == BOOL else b.v


def joined(*bands):
    return FLOAT if any(b.type == FLOAT for b in bands) else INT


def both(*bands):
    r = bands[0].k
    for b in bands[1:]:
        r = r & b.k
    return r


def finite(lua, values, valid):
    """A float result: what is not finite is not valid."""
    return Band(lua, FLOAT, values, valid & np.isfinite(values))


# --- arithmetic -----------------------------------------------------------------------------------

def lua_idiv(a, b):
    return a // np.where(b == 0, 1, b)  # numpy floors; INT_MIN // -1 is mended below


def lua_fmod(a, b):
    m = np.fmod(a, b)
    return np.where((m != 0) & ((m < 0) != (b < 0)), m + b, m)


def power(a, b):
    def one(x, y):
        try:
            return x * x if y == 2 else math.pow(x, y)
        except (OverflowError, ValueError):
            return math.nan
    return np.array([one(x, y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist())]).reshape(a.shape)


def shift_left(a, n):
    """Lua's logical shifts: 64 and more give 0, negative ones go the other way."""
    u = a.astype("u8")
    left = np.where(n < 64, u << np.clip(n, 0, 63).astype("u8"), np.uint64(0))
    back = np.where(n > -64, u >> np.clip(-np.clip(n, -64, 0), 0, 63).astype("u8"), np.uint64(0))
    return np.where(n >= 0, left, back).astype("i8")


FLOAT2 = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "idiv": lambda a, b: np.floor(a / b),
          "mod": lua_fmod, "min": lambda a, b: np.where(b < a, b, a), "max": lambda a, b: np.where(a < b, b, a)}
INT2 = {"add": np.add, "sub": np.subtract, "mul": np.multiply,
        "idiv": lambda a, b: np.where(b == -1, 0 - a, lua_idiv(a, b)),
        "mod": lambda a, b: np.where((b == -1) | (b == 0), 0, a - lua_idiv(a, b) * b),
        "min": np.minimum, "max": np.maximum}
SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/", "idiv": "//", "mod": "%", "pow": "^", "and": "&",
        "or": "|", "xor": "~", "shl": "<<", "shr": ">>"}


def text2(op, a, b):
    return "(%s %s %s)" % (a.lua, SIGN[op], b.lua) if op in SIGN else "%s:%s(%s)" % (a.lua, op, b.lua)


def arithmetic(op, a, b):
    lua = text2(op, a, b)
    x, y, valid = number(a), number(b), both(a, b)
    with np.errstate(all="ignore"):
        if op in ("div", "pow"):
            x, y = x.astype("f8"), y.astype("f8")
            return finite(lua, x / y if op == "div" else power(x, y), valid)
        if joined(a, b) == FLOAT:
            return finite(lua, FLOAT2[op](x.astype("f8"), y.astype("f8")), valid)
        if op in ("idiv", "mod"):
            valid = valid & (y != 0)
        return Band(lua, INT, INT2[op](x, y), valid)


def shift(op, a, b):
    n = number(b)
    if op == "shr":
        n = np.where(n == -2 ** 63, np.int64(2 ** 62), -np.where(n == -2 ** 63, 0, n))
    return Band(text2(op, a, b), INT, shift_left(number(a), n), both(a, b))


MATH = {"exp": math.exp, "log": math.log, "log2": math.log2, "log10": math.log10, "sin": math.sin,
        "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan}
LIBM1 = sorted(MATH)


def libm(op, a, b=None):
    def one(x, y=None):
        try:
            return math.atan2(x, y) if y is not None else MATH[op](x)
        except (ValueError, OverflowError):
            return math.nan
    x = number(a).astype("f8").ravel().tolist()
    if b is None:
        r, lua, valid = [one(v) for v in x], "%s:%s()" % (a.lua, op), a.k
    else:
        r = [one(v, w) for v, w in zip(x, number(b).astype("f8").ravel().tolist())]
        lua, valid = "%s:atan(%s)" % (a.lua, b.lua), both(a, b)
    return finite(lua, np.array(r).reshape(a.v.shape), valid)


def unary(op, a):
    lua = "(-%s)" % a.lua if op == "neg" else "%s:%s()" % (a.lua, op)
    x = number(a)
    with np.errstate(all="ignore"):
        if op == "sqrt":
            return finite(lua, np.sqrt(x.astype("f8")), a.k)
        if a.type == FLOAT:
            f = {"neg": np.negative, "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "round": np.rint}[op]
            return finite(lua, f(x), a.k)
        return Band(lua, INT, {"neg": 0 - x, "abs": np.where(x < 0, 0 - x, x)}.get(op, x), a.k)


# --- comparisons and logic ----------------------------------------------------------------------------

def compare(op, a, b):
    """By mathematical value, as Lua does: Python's own numbers compare exactly."""
    x, y = number(a), number(b)
    if a.type == FLOAT or b.type == FLOAT:
        x, y = x.astype(object), y.astype(object)
    r = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
         "ne": np.not_equal}[op](x, y)
    return Band("%s:%s(%s)" % (a.lua, op, b.lua), BOOL, r.astype("?"), both(a, b))


def logic(op, a, b):
    lua = text2(op, a, b)
    if a.type == INT:
        f = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[op]
        return Band(lua, INT, f(a.v, b.v), both(a, b))
    if op == "xor":
        return Band(lua, BOOL, a.v ^ b.v, both(a, b))
    stop = op == "or"  # the value that decides alone
    decided = (a.k & (a.v == stop)) | (b.k & (b.v == stop))
    return Band(lua, BOOL, decided == stop, decided | both(a, b))


def negate(a):
    return Band("(~%s)" % a.lua, a.type, ~a.v, a.k)


def between(a, lo, hi, how=None):
    low, high = ("gt", "lt") if how == "exclusive" else ("ge", "le")
    r = logic("and", compare(low, a, lo), compare(high, a, hi))
    r.lua = "%s:between(%s, %s%s)" % (a.lua, lo.lua, hi.lua, ', "%s"' % how if how else "")
    return r


# --- choices and masks -----------------------------------------------------------------------------------

def cast(b, type_):
    return number(b).astype("f8" if type_ == FLOAT else "i8") if type_ != BOOL else b.v


def either(lua, cond, a, b):
    t = BOOL if a.type == BOOL and b.type == BOOL else joined(a, b)
    return Band(lua, t, np.where(cond, cast(a, t), cast(b, t)), np.where(cond, a.k, b.k))


def where(a, cond, other):
    return either("%s:where(%s, %s)" % (a.lua, cond.lua, other.lua), cond.k & cond.v, other, a)


def if_else(cond, a, b):
    return either("if_else(%s, %s, %s)" % (cond.lua, a.lua, b.lua), cond.k & cond.v, a, b)


def keep(a, cond):
    return Band("%s:keep(%s)" % (a.lua, cond.lua), a.type, a.v, a.k & cond.k & cond.v, a.cells, a.f32)


def hide(a, cond):
    return Band("%s:hide(%s)" % (a.lua, cond.lua), a.type, a.v, a.k & cond.k & ~cond.v, a.cells, a.f32)


def self_mask(a):
    return Band("%s:self_mask()" % a.lua, a.type, a.v, a.k & (a.v != 0), a.cells, a.f32)


def mask_by(op, a, b):
    r = hide(a, compare(op, a, b))
    r.lua = "%s:mask_%s(%s)" % (a.lua, op, b.lua)
    return r


def mask_range(a, lo, hi):
    r = hide(a, between(a, lo, hi))
    r.lua = "%s:mask_range(%s, %s)" % (a.lua, lo.lua, hi.lua)
    return r


def unmask(a, b):
    return either("%s:unmask(%s)" % (a.lua, b.lua), a.k, a, b)


def isvalid(a):
    return Band("%s:isvalid()" % a.lua, BOOL, a.k, np.ones(a.v.shape, "?"))


# --- scaling and types ---------------------------------------------------------------------------------------

def clamp(a, lo, hi):
    r = arithmetic("min", arithmetic("max", a, lo), hi)
    r.lua = "%s:clamp(%s, %s)" % (a.lua, lo.lua, hi.lua)
    return r


def rescale(a, lo, hi, to=None):
    shape = a.v.shape
    x, y = to or (0, 1)
    r = arithmetic("sub", a, constant(lo, shape))
    r = arithmetic("mul", r, constant((y - x) / (hi - lo), shape))
    r = arithmetic("add", r, constant(x, shape))
    r.lua = "%s:rescale(%r, %r%s)" % (a.lua, lo, hi, ", %r, %r" % to if to else "")
    return r


def astype(a, name, saturate=False):
    """Half to even; what does not fit is invalid, or with saturate the nearest that does."""
    lua = '%s:astype("%s"%s)' % (a.lua, name, ", {saturate = true}" if saturate else "")
    x = number(a)
    if name.startswith("float"):
        y = x.astype("f8")
        if name == "float32":
            if saturate:
                y = np.clip(y, -F32_MAX, F32_MAX)
            with np.errstate(over="ignore"):
                r = y.astype("f4").astype("f8")
            return Band(lua, FLOAT, r, a.k & (np.isfinite(r) | ~np.isfinite(y)), "float32", True)
        return Band(lua, FLOAT, y, a.k, "float64")
    lo, hi = RANGE[name]
    exact = [int(round(v)) if isinstance(v, int) or math.isfinite(v) else v for v in x.ravel().tolist()]
    fits = np.array([lo <= v <= hi for v in exact]).reshape(x.shape)
    r = np.array([v if lo <= v <= hi else lo if v < lo else hi for v in exact], "i8").reshape(x.shape)
    return Band(lua, INT, r, a.k if saturate else a.k & fits, name)


def lookup(a, entries):
    whole = all(isinstance(v, int) for v in entries.values())
    t = INT if whole else FLOAT
    known = np.array([v in entries for v in a.v.ravel().tolist()]).reshape(a.v.shape)
    r = np.array([entries.get(v, 0) for v in a.v.ravel().tolist()], "i8" if whole else "f8")
    text = ", ".join("[%d] = %r" % kv for kv in sorted(entries.items()))
    return Band("%s:lookup{%s}" % (a.lua, text), t, r.reshape(a.v.shape), a.k & known)
