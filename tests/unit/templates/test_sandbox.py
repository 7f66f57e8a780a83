"""The template sandbox: nothing gets out, nothing takes longer or more than it may, nobody waits for another's bomb."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from templates.sandbox import SandboxLimits, TemplateSandbox
from templates.sandbox_codec import decoded, encoded
from templates.sandbox_failure import TemplateFailure

ROOT = Path(__file__).resolve().parents[3]

# One escape each: the classical roads out of Jinja, and what becomes of them.
ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ {}.__class__.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum | attr('__globals__') }}",
    "{{ dict.__base__.__subclasses__() }}",
    "{{ range.__class__ }}",
    "{{ url_for.__globals__ }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{a.__class__.__mro__}'.format(a='') }}",
    "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "{{ ('{0.__class__}' | attr('format'))('') }}",
    "{{ '%s' | format(''.__class__) }}",
    "{{ ['__class__'] | map('attr', '__class__') | list }}",
    "{{ [''] | map(attribute='__class__') | list }}",
    "{{ [''] | sort(attribute='__class__') }}",
    "{{ [''] | groupby('__class__') | list }}",
    "{{ [{'a': 1}] | selectattr('__class__') | list }}",
    "{{ ''.join.__self__ }}",
    "{{ ''.join.__func__ }}",
    "{{ (lipsum | attr('__code__')) }}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% set x = namespace() %}{% set x.__class__ = 1 %}{{ x.__class__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import popen %}",
    "{% extends '/etc/passwd' %}",
    "{{ __import__('os') }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ eval('1') }}{{ exec('1') }}",
    "{{ (1).real.__class__ }}",
    "{{ [].append.__self__.__class__ }}",
    "{{ {}.update({'a': 1}) }}",
    "{% set d = {} %}{{ d.clear() }}",
    "{% set l = [1] %}{{ l.clear() }}",
    "{{ true.__class__.__base__ }}",
    "{% set g = (1 for x in []) %}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ lipsum[['__glo', 'bals__'] | join] }}",
    "{{ [] | attr('__class__') | attr('__base__') }}",
]

BOMBS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 9 ** (9 ** 9) }}",
    "{{ 'a' * 10 ** 11 }}",
    "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set l = [] %}{% for i in range(99999) %}{% set _ = l.append('x' * (99999 + i)) %}{% endfor %}",
    "{{ '%999999999999d' | format(1) }}",
    "{{ range(10 ** 18) | list }}",
    "{{ ('a' * 30) | replace('a', 'a' * 10 ** 8) }}",
    "{{ [[[1] * 9999] * 9999] | string | length }}",
    "{% set l = [] %}{% set _ = l.append(l) %}{% for i in range(99999) %}{% set _ = l.extend(l) %}{% endfor %}",
    "{{ lipsum(n=99999, max=99999) }}",
    "{{ '{:>99999999999}'.format(1) }}",
    "{{ (1,) * 10 ** 10 }}",
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[TemplateSandbox]:
    with TemplateSandbox(SandboxLimits(workers=1)) as pool:
        yield pool


@pytest.mark.parametrize("template", ESCAPES)
def test_no_escape(sandbox: TemplateSandbox, template: str) -> None:
    text = ""
    with contextlib.suppress(TemplateFailure):
        text = sandbox.render(template, {})
    # What renders at all shows nothing of Python.
    assert not any(sign in text for sign in ("<class", "<built-in", "<function", "root:", "uid=", "module"))


@pytest.mark.parametrize("template", BOMBS)
def test_no_bomb_outlasts_its_time(sandbox: TemplateSandbox, template: str) -> None:
    sandbox.render("ready", {})
    start = time.monotonic()
    with pytest.raises(TemplateFailure):
        sandbox.render(template, {})
    assert time.monotonic() - start < 5
    assert sandbox.render("{{ 'still' }} there", {}) == "still there"


def test_time_limit_has_osmos_text(sandbox: TemplateSandbox) -> None:
    with pytest.raises(TemplateFailure) as failure:
        sandbox.render(BOMBS[0], {})
    assert str(failure.value) == "<class 'TimeoutError'>: Process exceeded time limit of 0.5 seconds"


@pytest.mark.skipif(sys.platform != "linux", reason="address space limits are Linux's")
def test_memory_limit_has_osmos_text(sandbox: TemplateSandbox) -> None:
    with pytest.raises(TemplateFailure) as failure:
        sandbox.render("{{ 'a' * 10 ** 11 }}", {})
    assert str(failure.value) == "<class 'MemoryError'>: Sandboxed process exceeded memory limit of 104857600 bytes"


def test_output_is_bounded() -> None:
    with TemplateSandbox(SandboxLimits(workers=1, output_length=10)) as pool:
        assert pool.render("{{ 'a' * 10 }}", {}) == "a" * 10
        with pytest.raises(TemplateFailure, match="more than 10 characters"):
            pool.render("{{ 'a' * 11 }}", {})


def test_bombs_do_not_delay_others() -> None:
    # Two workers, one user with bombs, another with an ordinary template: he only ever waits for a free worker.
    with TemplateSandbox(SandboxLimits(workers=2, seconds=0.5)) as pool:
        for _ in range(2):
            pool.render("warm", {})
        stop = threading.Event()

        def attack() -> None:
            while not stop.is_set():
                with pytest.raises(TemplateFailure):
                    pool.render(BOMBS[0], {})

        attacker = threading.Thread(target=attack)
        attacker.start()
        try:
            for number in range(20):
                start = time.monotonic()
                assert pool.render("{{ n }}", {"n": number}) == str(number)
                assert time.monotonic() - start < 5
        finally:
            stop.set()
            attacker.join()


def test_many_callers_share_the_workers() -> None:
    with TemplateSandbox() as pool:
        results: dict[int, str] = {}

        def call(number: int) -> None:
            results[number] = pool.render("{{ n }}", {"n": number})

        threads = [threading.Thread(target=call, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {number: str(number) for number in range(40)}


def test_queue_is_bounded() -> None:
    with (
        TemplateSandbox(SandboxLimits(workers=1, seconds=0.5, waiting=0)) as pool,
        pytest.raises(TemplateFailure) as busy,
    ):
        pool.render("a", {})
    assert "Too many templates are waiting" in str(busy.value)


def test_rendering_waits_its_turn_but_not_forever() -> None:
    with TemplateSandbox(SandboxLimits(workers=1, seconds=1, wait_seconds=0.05)) as pool:
        pool.render("warm", {})

        def attack() -> None:
            with contextlib.suppress(TemplateFailure):
                pool.render(BOMBS[0], {})

        thread = threading.Thread(target=attack)
        thread.start()
        while pool._free:
            time.sleep(0.001)
        with pytest.raises(TemplateFailure, match="Too many templates are waiting"):
            pool.render("a", {})
        thread.join()


def test_a_killed_worker_is_replaced(sandbox: TemplateSandbox) -> None:
    sandbox.render("a", {})
    victim = next(iter(sandbox._running))._process
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    # The first call may meet the dead worker; it never takes the pool down.
    for _ in range(3):
        try:
            assert sandbox.render("{{ 1 }}", {}) == "1"
        except TemplateFailure:
            continue
        break
    assert sandbox.render("{{ 2 }}", {}) == "2"


def test_workers_are_replaced_after_their_time() -> None:
    with TemplateSandbox(SandboxLimits(workers=1, renders_per_worker=2)) as pool:
        pids = set()
        for number in range(6):
            assert pool.render("{{ n }}", {"n": number}) == str(number)
            pids.add(next(iter(pool._running))._process.pid)
    assert len(pids) >= 3


def test_workers_start_when_they_are_needed_and_end_with_the_pool() -> None:
    pool = TemplateSandbox()
    assert not pool._running
    pool.render("a", {})
    (worker,) = pool._running
    pool.close()
    assert worker._process.poll() is not None
    with pytest.raises(TemplateFailure, match="closed"):
        pool.render("a", {})


def test_workers_end_when_their_parent_is_gone() -> None:
    program = (
        "import os\n"
        "from templates.sandbox import TemplateSandbox\n"
        "pool = TemplateSandbox()\n"
        "pool.render('a', {})\n"
        "print(next(iter(pool._running))._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
    assert _is_gone_soon(int(output))


def test_one_template_cannot_change_the_next(sandbox: TemplateSandbox) -> None:
    sandbox.render(
        "{% set range = 5 %}{% set ns = namespace(a=1) %}{% set v = [] %}{% set _ = v.append(1) %}", {"v": []}
    )
    assert sandbox.render("{{ range(2) | list }}{{ v }}", {"v": []}) == "[0, 1][]"


def test_worker_has_nothing_to_take(sandbox: TemplateSandbox) -> None:
    os.environ["ARGOSMO_TEST_SECRET"] = "secret"
    try:
        with TemplateSandbox(SandboxLimits(workers=1)) as pool:
            pool.render("a", {})
            pid = next(iter(pool._running))._process.pid
            environment = Path(f"/proc/{pid}/environ")
            if environment.exists():
                assert b"ARGOSMO_TEST_SECRET" not in environment.read_bytes()
                limits = Path(f"/proc/{pid}/limits").read_text()
                assert any(line.startswith("Max open files") and line.split()[3] == "3" for line in limits.splitlines())
    finally:
        del os.environ["ARGOSMO_TEST_SECRET"]


# Every filter and test of Jinja must work in a process that can open no file any more.
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ {'a': [1]} | tojson }}", '{"a": [1]}'),
        ("{{ 'http://example.com' | urlize }}", '<a href="http://example.com" rel="noopener">http://example.com</a>'),
        ("{{ 'é b' | urlencode }}", "%C3%A9%20b"),
        ("{{ {'a': 1} | pprint }}", "{'a': 1}"),
        ("{{ 'a b c' | wordwrap(3) }}", "a b\nc"),
        ("{{ 'a' | escape }}{{ '<b>x</b>' | striptags }}", "ax"),
        ("{{ [1] | random }}{{ 1234567 | filesizeformat }}", "11.2 MB"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'a-b' | title }}{{ 'abcdefgh' | truncate(5, leeway=0) }}", "A-Bab..."),
        ("{{ lipsum(n=1, html=false) | length > 10 }}", "True"),
        ("{{ 1.55 | round(1) }}{{ [1, 2] | sum }}{{ '5' | int + 1 }}", "1.636"),
        ("{{ {'a': 1} | dictsort }}{{ [1, 2, 3] | batch(2) | list }}", "[('a', 1)][[1, 2], [3]]"),
        ("{{ {'class': 'x'} | xmlattr }}", ' class="x"'),
    ],
)
def test_filters_work_in_the_worker(sandbox: TemplateSandbox, template: str, expected: str) -> None:
    assert sandbox.render(template, {}) == expected


def test_failures_have_the_line_of_the_template(sandbox: TemplateSandbox) -> None:
    for template, line in (
        ("\n\n{{ x }}", 3),
        ("\n{{ x", 2),
        ("{% macro m() %}\n{{ x.y }}{% endmacro %}\n{{ m() }}", 2),
    ):
        with pytest.raises(TemplateFailure) as failure:
            sandbox.render(template, {})
        assert failure.value.line == line


def test_large_templates_pass(sandbox: TemplateSandbox) -> None:
    text = "x" * 1_000_000
    assert sandbox.render(text + "{{ 1 }}", {"v": text}) == text + "1"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**30),
        1.5,
        float("inf"),
        "text\ud800",
        [],
        {},
        [1, [2]],
        {"a": {"b": None}},
        {1: 2, None: 3},
        {"map": []},
        date(2024, 1, 2),
        datetime(2024, 1, 2, 3, 4, 5, 6),
        b"\xff",
        {1, 2},
        (1, "a"),
        [("a", 1)],
    ],
)
def test_variables_arrive_as_they_were(value: object) -> None:
    message = json.loads(json.dumps(encoded(value)))
    assert decoded(message) == value
    assert type(decoded(message)) is type(value)


def test_other_variables_are_refused(sandbox: TemplateSandbox) -> None:
    with pytest.raises(TemplateFailure, match="cannot be of type object"):
        sandbox.render("a", {"x": object()})


def _is_gone_soon(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
