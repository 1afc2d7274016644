"""Scenarios that somebody thought of: values that break readers, all over a scenario, and whole files."""

from __future__ import annotations

from collections.abc import Iterator

# A simulated arm, a training with its twin, and a sweep: whatever a scenario may hold stands in one of them.
BASES = {
    "simulated": r"""name: t
description: words
seed: 1
arms:
  a:
    simulate:
      surface: {kind: double-well, dim: 1, barrier: 0.25}
      noise: [{kind: gaussian, diffusion: 0.1}, {kind: stable, alpha: 1.5, scale: 0.05}]
      theta0: [-1]
      dt: 0.001
      steps: 100
      trajectories: 4
      save_every: 10
      observe: {x: {kind: coordinate}}
      events: [{kind: exit, upper: 2}]
      boundary: [{kind: reflecting, lower: -3, upper: 3}]
      reduce: [{kind: moments, order: 2}]
probes: {every: 50, samples: 16}
expect: [{arm: a, quantity: loss, at: "loss<1", above: 0, why: words}]
quick: {arms.a.simulate.steps: 10}
""",
    "trained": r"""name: t
arms:
  real:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      schedule: {kind: cosine}
      steps: 20
      trajectories: 2
  twin:
    simulate: {twin_of: real, noise: [{kind: gaussian, match: trace}]}
probes: {every: 10}
compare: {reference: real, quantities: [loss], margin: 1}
""",
    "swept": r"""name: t
arms:
  a:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1, 2]}
      noise: {kind: gaussian, diffusion: 0.1}
      dt: 0.01
      T: 1
sweep: {"arms.a.simulate.noise[0].diffusion": [0.1, 0.2]}
fits: [{law: arrhenius, quantity: exit_time.mean}]
""",
}
# Each stands in the place of a value.
VALUES = (
    "", "~", "true", "[]", "{}", "0", "-0.0", "-1", "1e308", "-1e308", "5e-324", ".inf", "-.inf", ".nan",
    "1e999", "9223372036854775808", "18446744073709551616", "9" * 310, "9" * 5000, "0x" + "f" * 400, "1_0",
    "0777", "0o17", "0b1", "1:30:00", "2001-01-01", "2001-01-01T00:00:00Z", "'1'", '"1"', '""', '" "',
    r'"\0"', r'"\e[31mred"', r'"\r\n"', r'"\ud800"', r'"\udc00\ud800"', r'"\U00110000"', r'"\UFFFFFFFF"',
    r'"\u202e"', r'"\u2028"', r'"\x9b31m"', r'"\a"', '"$\\\\frac{$"', '"=cmd|x!A0"', '"[bold]x[/bold]"',
    '"<script>alert(1)</script>"', '"../../../etc/passwd"', '"/etc/passwd"', '"con"', '"{{7*7}}"', '"%s%n"',
    '"' + "x" * 50_000 + '"', "step_when.loss>" + "1" * 30_000 + "x", "a.b[0].c", "[" * 30 + "]" * 30,
    "[" * 500 + "]" * 500, "{a: " * 300 + "1" + "}" * 300, "[1, [2, [3]]]",
    "{kind: {kind: {kind: gaussian}}}", "{kind: nothing}", "{kind: os.system}", '{kind: "os:system"}',
    "{kind: gaussian, kind: stable}", "!!python/object/apply:os.system [id]", "!!python/name:os.system",
    "!!binary aGk=", "!mine 1", "!!set {a}", "!!omap [a: 1]", "!!timestamp 1", "!!float x", "!!int x",
    "!!bool x", "!!null x", "!!str 1", "&a [*a]", "*nothing", "&a 1", "<<", "{<<: {a: 1}}", "? 1", "- 1",
    "|\n x", ">\n x", "@x", "`x`", "%x", "\t1", "'", '"', "[1", "{a", "a: b: c", "# words",
    "[" + "1, " * 3000 + "1]", "{? [1]: 2}", "{1: 2}", "{~: 1}", "{true: 1}",
)  # fmt: skip
_ONE = b"name: t\narms: {a: {simulate: {surface: {kind: flat}, dt: 1, steps: 1}}}\n"
_BOMB = [b"l%d: &l%d [%s]\n" % (k, k, b", ".join([b"*l%d" % (k - 1)] * 9)) for k in range(1, 12)]
_CHAIN = [b"l%d: &l%d [*l%d]\n" % (k, k, k - 1) for k in range(1, 900)]
_UNKNOWN = [b"  - {arm: b%d, quantity: losss, above: 0}\n" % k for k in range(2000)]
_POINTS = b"sweep: {arms.a.simulate.dt: [1, 2], arms.a.simulate.steps: [" + b"1, " * 9000 + b"1]}\n"
# Each is a whole file.
FILES = (
    b"", b"\n", b"#", b"---", b"...", b"--- 1\n--- 2\n", b"%YAML 1.1\n---\nname: t\n",
    b"%YAML 9.9\n---\nname: t\n", b"%YAML 99999999999999999999.1\n---\na: 1\n",
    b"%TAG ! tag:x,2000:\n---\n!a b\n", b"%BAD\n---\na: 1\n", b"\xff\xfea\x00", b"\xfe\xff\x00a",
    b"\xef\xbb\xbfname: t\n", b"\x00", b"\x80", b"\xc3\x28", b"a: \x00", b"\x1b[31m: 1", b"a: \x1b]0;t\x07",
    b"a\r\r\rb: 1", b"\xe2\x80\xa8a: 1", b"[" * 10_000, b"{" * 10_000, b"- " * 10_000, b"? " * 10_000,
    b"a: " * 10_000, b"&a " * 5_000, b"!" * 10_000, b"*" * 10_000, b"'" * 9_999, b'"' * 9_999,
    b"|" * 10_000, b"#" * 1_000_000, b"\n" * 1_000_000, b" " * 1_000_000, b"x" * 1_000_000,
    b"a: " + b"9" * 1_000_000, b"a: [" + b"1," * 200_000 + b"1]", b"k: v\n" * 50_000,
    b"l0: &l0 [x]\n" + b"".join(_BOMB),
    b"l0: &l0 [x]\n" + b"".join(_CHAIN),
    b"a: &a {b: *a}\n", b"a: &a [*a, *a]\n", b"? {a: 1}\n: 2\n", b"? [1]\n: 2\n", b"name: t\nname: t\n",
    b"null\n", b"1\n", b"text\n", b"[]\n", b"{}\n", b"{name: t}\n", b"{name: t, arms: {}}\n",
    b"{name: t, arms: []}\n", b"{name: t, arms: {a: }}\n", b"{name: t, arms: {a: {}}}\n",
    b"{name: t, arms: {a: {simulate: {}, train: {}}}}\n", b"{name: t, arms: {a: &a {simulate: *a}}}\n",
    b"name: t\narms: {'': {}}\n", b"name: t\narms: {1: {}}\n", b"name: t\narms: {~: {}}\n",
    b"name: t\narms: {a: {simulate: {surface: {}, dt: 1, steps: 1}}}\n",
    b"name: t\n" + b"".join(b"x%d: 1\n" % k for k in range(5000)),
    b"name: t\narms:\n" + b"".join( b" a%d: {simulate: {}}\n" % k for k in range(3000) ),
    _ONE + b"expect:\n" + b"".join(_UNKNOWN), _ONE + _POINTS,
)  # fmt: skip


def handmade() -> Iterator[tuple[str, bytes]]:
    """Name and content of each: whole files, and values and keys at places of each base."""
    for number, content in enumerate(FILES):
        yield f"file {number}", content
    for base, text in BASES.items():
        lines = text.splitlines()
        for at, line in enumerate(lines):
            key, sign, value = line.partition(": ")
            if not sign or not value:
                continue
            # Not every value at every place: each place has its own fifth of them.
            for number, hostile in enumerate(VALUES):
                if (number + at) % 5 == 0:
                    changed = [*lines[:at], f"{key}: {hostile}", *lines[at + 1 :]]
                    yield f"{base}, line {at + 1}, value {number}", "\n".join(changed).encode()
        for number, hostile in enumerate(VALUES):
            key = hostile.split("\n")[0]
            if key:
                yield f"{base}, key {number}", text.replace("  a:\n", f"  {key}:\n").encode() + b"x: 1\n"
