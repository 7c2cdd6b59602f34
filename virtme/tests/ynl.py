#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Control the family by the kernel's own client, which knows nothing of us but
the specification.

usage: ynl.py SPEC

Reports TAP. The command-line program (tools/net/ynl/cli.py of Linux 6.12) is
called as a function: its arguments go in, what it prints comes out, and each
call has a socket of its own as each run would have; so nothing is left out but
starting Python and reading the specification again and again. A transaction is a
call with several --multi.
"""
import copy
import functools
import io
import json
import re
import socket
import struct
import sys
from contextlib import redirect_stderr, redirect_stdout

sys.path.insert(0, "/usr/src/linux-source-6.12/tools/net/ynl")
import yaml  # noqa: E402

parse = functools.lru_cache(yaml.safe_load)
yaml.safe_load = lambda stream: copy.deepcopy(parse(stream if isinstance(stream, str) else stream.read()))

import cli  # noqa: E402
from lib import YnlFamily  # noqa: E402

SPEC = sys.argv[1]
tests = failures = 0
used = set()


def result(name, problem=None):
    global tests, failures
    tests += 1
    if problem:
        failures += 1
        print(f"not ok {tests} - {name}")
        for line in str(problem).splitlines():
            print(f"#   {line}")
    else:
        print(f"ok {tests} - {name}", flush=True)


def cli_run(*args):
    """What cli.py prints, and its exit status."""
    out = io.StringIO()
    sys.argv = ["cli.py", "--spec", SPEC, "--no-schema", "--output-json", *args]
    status = 0
    with redirect_stdout(out), redirect_stderr(out):
        try:
            cli.main()
        except SystemExit as e:
            status = e.code
    return status or 0, out.getvalue()


def call(args):
    status, out = cli_run(*args)
    if status:
        raise RuntimeError(out)
    return json.loads(out)


def do(op, /, **attrs):
    used.add(op)
    return call(["--do", op, "--json", json.dumps(attrs)])


def dump(op, /, **attrs):
    used.add(op)
    return call(["--dump", op, "--json", json.dumps(attrs)])


def multi(*ops):
    args = []
    for op, attrs in ops:
        used.add(op)
        args += ["--multi", op, json.dumps(attrs)]
    return args


def check(name, f, *args, **kw):
    """f must succeed, and return nothing but True or None."""
    try:
        got = f(*args, **kw)
        result(name, None if got in (None, True) else f"got {got}")
        return True
    except Exception as e:  # whatever the client raises is the finding
        result(name, repr(e))
        return False


def same(name, got, want):
    result(name, None if got == want else f"got    {got}\nwanted {want}")


def refused(name, args, errno, message, attribute=None):
    """The client must say why: code, text, and the attribute's path."""
    try:
        status, out = cli_run(*args)
    except Exception as e:
        result(name, repr(e))
        return
    problem = None
    if not status:
        problem = "it succeeded"
    elif f"error: -{errno}\n" not in out:
        problem = f"no error {errno}"
    elif not re.search(message, out):
        problem = f"no {message!r}"
    elif attribute and f"'bad-attr': '{attribute}'" not in out:
        problem = f"it does not point at {attribute}"
    result(name, problem and f"{problem} in {out}")


def refuse(name, op, errno, message, attribute=None, /, **attrs):
    used.add(op)
    refused(name, ["--do", op, "--json", json.dumps(attrs)], errno, message, attribute)


def ipv4(text):
    return int.from_bytes(socket.inet_aton(text), "big")


def at(port, ip="127.0.0.1"):
    return {"ipv4": ipv4(ip), "port": port}


def automaton():
    """One that accepts what begins with "/x", in hex: see module/dfa.h."""
    classes = bytearray(256)
    classes[ord("/")], classes[ord("x")] = 1, 2
    states = [(0, 0, 0), (0, 2, 0), (0, 0, 3), (3, 3, 3)]  # dead, start, "/", "/x"
    trans = b"".join(struct.pack("=3H", *row) for row in states)
    lists = struct.pack("=3I", 0, 1, 0)  # nothing; one expression, number 0
    accept = struct.pack("=4I", 0, 0, 0, 1)
    head = struct.pack("=7I", 0x54445641, 1, len(states), 3, 3, 1, 0) + bytes(classes)
    return (head + trans + accept + lists).hex()


def text(s):
    return s.encode().hex()


def services():
    do("flush")
    web = {"name": "web", "mode": "http", "scheduler": "wrr", "listen": at(8000),
           "timeouts": {"connect": 77}, "limits": {"retries": 1},
           "forward": ["via"], "trusted": {"network": [{"ipv4": ipv4("10.0.0.0"), "prefix": 8}]},
           "allow": ["connect"], "fallback": at(89),
           "hash": {"key": "header", "name": "x-user", "bound": 150},
           "cookie": {"name": "sid", "max-age": 60, "key": "00" * 16}}
    check("service-new", lambda: do("service-new", **web))
    got = do("service-get", name="web")
    told = {k: got.get(k) for k in ("name", "mode", "scheduler", "forward", "allow", "hash", "rules")}
    same("service-get tells what was given", told,
         {"name": "web", "mode": "http", "scheduler": "wrr", "forward": ["via"], "allow": ["connect"],
          "hash": {"key": "header", "name": "x-user", "bound": 150}, "rules": 0})
    same("... timeouts, limits, trusted networks, fallback server, cookie",
         [got["timeouts"]["connect"], got["limits"]["retries"], got["trusted"]["network"],
          got["fallback"]["port"], got["cookie"]["name"], "key" in got["cookie"]],
         [77, 1, [{"ipv4": "10.0.0.0", "prefix": 8}], 89, "sid", False])
    check("service-new, IPv6", lambda: do("service-new", name="six", mode="tcp",
                                          listen={"ipv6": "00" * 15 + "01", "port": 8000}))
    check("service-set", lambda: do("service-set", name="web", scheduler="rr", limits={"retries": 3}))
    got = do("service-get", name="web")
    same("... changes that and nothing else",
         [got["scheduler"], got["limits"]["retries"], got["timeouts"]["connect"]], ["rr", 3, 77])
    same("service-get of all", [[s["name"], s["listen"]] for s in dump("service-get")],
         [["web", {"ipv4": "127.0.0.1", "port": 8000}], ["six", {"ipv6": "::1", "port": 8000}]])
    check("service-del", lambda: do("service-del", name="six"))
    same("... it is gone", [s["name"] for s in dump("service-get")], ["web"])


def servers():
    for port in (81, 82, 83):
        do("server-new", service="web", address=at(port), weight=port)
    same("server-new, server-get", do("server-get", service="web", address=at(82))["weight"], 82)
    check("server-set", lambda: do("server-set", service="web", address=at(82), weight=0))
    check("server-del", lambda: do("server-del", service="web", address=at(81)))
    listed = dump("server-get", service="web")
    same("server-get of a service", [[s["address"]["port"], s["weight"], s["state"]] for s in listed],
         [[82, 0, "drain"], [83, 83, "up"], [89, 0, "fallback"]])
    same("... with counters", listed[0]["stats"]["requests"], 0)
    brief = dump("server-get", brief=True)
    same("server-get of all, brief", [[s["address"]["port"], "stats" in s] for s in brief],
         [[82, False], [83, False], [89, False]])


def settings():
    info = do("info-get")
    same("info-get", [info["services"], info["servers"], info["workers"] > 0], [1, 2, True])
    was = do("settings-get")["max-connections"]
    check("settings-set", lambda: do("settings-set", **{"max-connections": 4711}))
    same("settings-get", do("settings-get"), {"max-connections": 4711})
    do("settings-set", **{"max-connections": was})
    same("stats-zero", [do("stats-zero", service="web"), do("service-get", name="web")["zeroed"] > 0], [None, True])
    same("scheduler-get", {"rr", "wrr", "wlc", "mh"} - {s["name"] for s in dump("scheduler-get")}, set())
    same("worker-get", len(dump("worker-get")), info["workers"])


def transactions():
    upload = [
        ("transaction-begin", {}),
        ("rules-begin", {"service": "web", "expressions": 1}),
        ("rules-automaton", {"service": "web", "input": "path", "size": len(automaton()) // 2, "data": automaton()}),
        ("rules-set", {"service": "web", "set": 1, "scheduler": "rr", "server": [at(82), at(83)]}),
        ("rules-add", {"service": "web", "rule": [
            {"id": 7, "name": "first", "action": "servers", "set": 1,
             "match": [{"what": "host", "value": text("a.example")}, {"what": "path", "op": "prefix", "value": text("/p")}]},
            {"id": 8, "action": "redirect", "status": 302, "location": text("https://b.example$path"),
             "match": [{"what": "path", "op": "regex", "value": text("^/x"), "automaton": 0, "expression": 0}]}]}),
        ("rules-add", {"service": "web", "rule": [
            {"id": 9, "action": "answer", "status": 404, "body": text("none"),
             "match": [{"what": "source", "networks": {"network": [{"ipv4": ipv4("10.0.0.0"), "prefix": 8}]}}]},
            {"id": 10, "action": "reject"}]}),
        ("rules-end", {"service": "web"}),
    ]
    before = do("info-get")["generation"]
    same("a dry run of a table of rules", [call(multi(*upload, ("transaction-commit", {"dry-run": True})))[-1],
                                           dump("rule-get", service="web")], [{"generation": before}, []])
    same("a transaction that is aborted", [call(multi(*upload, ("transaction-abort", {})))[-1],
                                           do("info-get")["generation"]], [None, before])
    same("a transaction that is committed", call(multi(*upload, ("transaction-commit", {})))[-1], {"generation": before + 1})
    got = dump("rule-get", service="web")
    same("rule-get", [[r["id"], r["action"], len(r.get("match", []))] for m in got for r in m["rule"]],
         [[7, "servers", 2], [8, "redirect", 1], [9, "answer", 1], [10, "reject", 0]])
    same("rule-set-get", [[m["set"], m["scheduler"], [s["port"] for s in m["server"]]] for m in dump("rule-set-get", service="web")],
         [[1, "rr", [82, 83]]])
    refused("a server that a rule names stays", ["--do", "server-del", "--json", json.dumps({"service": "web", "address": at(82)})],
            16, "rules of web use 127.0.0.1:82")
    call(multi(("transaction-begin", {"generation": before + 1}), ("rules-begin", {"service": "web"}),
               ("rules-end", {"service": "web"}), ("transaction-commit", {})))
    same("a table without rules is none", [dump("rule-get"), do("service-get", name="web")["rules"]], [[], 0])
    refused("a commit on what is past", multi(("transaction-begin", {"generation": before}), ("transaction-abort", {})),
            116, f"based on generation {before}", ".generation")


def connections():
    """A connection of ours through the relay."""
    server = socket.create_server(("127.0.0.1", 83))
    do("service-new", name="tcp", mode="tcp", listen=at(8001))
    do("server-new", service="tcp", address=at(83))
    check("service-start", lambda: do("service-start", name="tcp"))
    refuse("... twice", "service-start", 114, "runs already", name="tcp")
    client = socket.create_connection(("127.0.0.1", 8001))
    client.sendall(b"hello")
    relayed, _ = server.accept()
    same("bytes pass", relayed.recv(5), b"hello")
    found = dump("connection-get", service="tcp", clients={"ipv4": ipv4("127.0.0.0"), "prefix": 8})
    same("connection-get", [[c["service"], c["server"]["port"], c["client"]["port"], c["state"]] for c in found],
         [["tcp", 83, client.getsockname()[1], "tunnel"]])
    same("... of other clients", dump("connection-get", clients={"ipv4": ipv4("10.0.0.0"), "prefix": 8}), [])
    check("connection-kill", lambda: do("connection-kill", id=found[0]["id"]))
    client.settimeout(60)
    try:
        end = client.recv(1)
    except ConnectionResetError:
        end = "reset"
    same("... the client is reset", end, "reset")
    same("histogram-get", [[h["service"], h["kind"], h["buckets"]] for h in dump("histogram-get", service="tcp")],
         [["tcp", kind, struct.pack("=Q", 1).hex()] for kind in ("connect", "total")])
    same("... of a server, which keeps none", dump("histogram-get", service="tcp", server=at(83)), [])
    check("service-stop", lambda: do("service-stop", name="tcp", now=True))
    relayed.close()
    server.close()


def refusals():
    refuse("a service twice", "service-new", 17, '"web" already', ".name", name="web", listen=at(9))
    refuse("no service", "service-set", 2, 'no service "nope"', ".name", name="nope")
    refuse("a weight", "server-new", 34, "integer out of range", ".weight", service="web", address=at(84), weight=65536)
    refuse("a port", "server-new", 34, "integer out of range", ".address.port", service="web", address=at(0))
    refuse("a multicast address", "server-new", 22, "multicast address has no TCP", ".address.ipv4",
           service="web", address=at(80, "224.0.0.1"))
    refuse("no address", "service-new", 22, "listen address is missing", name="x")
    refuse("a scheduler", "service-set", 2, 'no scheduler "best"', ".scheduler", name="web", scheduler="best")
    refuse("a time limit", "service-set", 34, "integer out of range", ".timeouts.head", name="web", timeouts={"head": 0})
    refuse("a network", "service-set", 22, "bits", name="web",
           trusted={"network": [{"ipv4": ipv4("10.0.0.1"), "prefix": 8}]})
    refuse("a setting", "settings-set", 34, "integer out of range", ".max-connections", **{"max-connections": 0})
    refuse("rules outside a transaction", "rules-begin", 22, "transaction", service="web")
    refuse("nothing to commit", "transaction-commit", 2, "no transaction")
    refused("an automaton that is none", multi(
        ("transaction-begin", {}), ("rules-begin", {"service": "web", "expressions": 1}),
        ("rules-automaton", {"service": "web", "input": "path", "size": len(automaton()) // 2,
                             "data": "00" * (len(automaton()) // 2)})), 22, "automaton 0 is wrong: magic")
    refused("a rule", multi(
        ("transaction-begin", {}), ("rules-begin", {"service": "web"}),
        ("rules-add", {"service": "web", "rule": [{"id": 3, "action": "answer"}]})), 22, "rule 3")
    refused("a dump", ["--dump", "server-get", "--json", '{"service": "nope"}'], 2, 'no service "nope"', ".service")


def notifications():
    do("flush")
    events = YnlFamily(SPEC, "")
    events.ntf_subscribe("config")
    do("service-new", name="web", listen=at(8000))
    do("server-new", service="web", address=at(81), weight=3)
    do("server-del", service="web", address=at(81))
    do("service-start", name="web")
    do("service-del", name="web")
    events.check_ntf()
    told = []
    for e in events.async_msg_queue:
        msg = e["msg"]
        told.append([e["name"], msg.get("service") or msg.get("name"),
                     msg["address"]["port"] if "address" in msg else msg.get("state")])
    same("subscribed: every change is told, in its order", told, [
        ["service-ntf", "web", "stopped"], ["server-ntf", "web", 81], ["server-del-ntf", "web", 81],
        ["service-ntf", "web", "running"], ["service-del-ntf", "web", None]])
    used.update(e[0] for e in told)
    status, out = cli_run("--subscribe", "config", "--do", "flush")
    same("cli.py --subscribe", [status, out.split()], [0, ["null", "[]"]])


for part in (services, servers, settings, transactions, connections, refusals, notifications):
    check(f"{part.__name__}: to the end", part)
do("flush")
family = YnlFamily(SPEC, "")
# The access log has a test of its own, where there are requests to tell of.
same("every operation of the specification was used", set(family.msgs) - used - {"log-ntf"}, set())
print(f"1..{tests}")
sys.exit(failures > 0)
