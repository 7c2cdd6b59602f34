#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients who know what the access log has to say of them, and listeners to it.

usage: log.py requests FILE ADDRESS TIMES     make one request of every kind, and hold the
                                              records in FILE to what they were; tells TAP
       log.py stall                           join the log with the smallest buffer, print
                                              "ready", read nothing
       log.py drain                           join it, print "ready", read and forget
       log.py churn N                         join it and leave it N times

FILE is what "tcpvsadm log -o json" prints. In FILE.sums: a line a service, its
records, their bytes in and out.
"""
import errno
import json
import socket
import ssl
import struct
import sys
import time

GENERIC, MEMBERSHIP, ADD, DROP, SO_RCVBUFFORCE = 16, 270, 1, 2, 33


def group(name):
    """The number of a group of the family, asked of the controller."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
    attr = struct.pack("HH", 10, 2) + b"tcpvs\0\0\0"
    s.send(struct.pack("IHHII", 20 + len(attr), 16, 1, 1, 0) + struct.pack("BBH", 3, 1, 0) + attr)
    data = s.recv(65536)
    s.close()
    found = {}

    def walk(data, each):
        while len(data) >= 4:
            n, kind = struct.unpack_from("HH", data)
            each(kind & 0x3FFF, data[4:n])
            data = data[(n + 3) & ~3:]

    def groups(kind, data):
        if kind != 7:
            return
        def one(_, data):
            g = {}
            walk(data, lambda k, v: g.__setitem__(k, v))
            found[g[1].rstrip(b"\0").decode()] = struct.unpack("I", g[2])[0]
        walk(data, one)

    walk(data[20:], groups)
    return found[name]


def stall():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.setsockopt(MEMBERSHIP, ADD, group("log"))
    print("ready", flush=True)
    while True:
        time.sleep(1000)


def drain():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
    s.setsockopt(MEMBERSHIP, ADD, group("log"))
    print("ready", flush=True)
    room = bytearray(65536)
    while True:
        try:
            s.recv_into(room)
        except OSError as e:
            if e.errno != errno.ENOBUFS:
                raise


def churn(n):
    number = group("log")
    for i in range(n):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
        s.setsockopt(MEMBERSHIP, ADD, number)
        if i % 2:
            s.setsockopt(MEMBERSHIP, DROP, number)
        time.sleep(0.01)
        s.close()


class Client:
    """A connection that counts its bytes."""

    def __init__(self, port):
        self.sock = socket.create_connection((address, port), timeout=30 * times)
        self.name = "%s:%d" % self.sock.getsockname()[:2]
        self.data = b""

    def send(self, data):
        self.sock.sendall(data)
        return len(data)

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, TimeoutError):
            data = b""
        self.data += data
        return data

    def response(self, head=False):
        """Takes one whole response, interim ones before it too. Returns its bytes."""
        taken = 0
        while True:
            while b"\r\n\r\n" not in self.data:
                if not self.more():
                    taken += len(self.data)
                    self.data = b""
                    return taken
            at = self.data.index(b"\r\n\r\n") + 4
            lines = self.data[:at].lower()
            status = int(lines.split()[1])
            taken += at
            self.data = self.data[at:]
            if status >= 200:
                break
        if head or status in (204, 304):
            return taken
        if b"transfer-encoding: chunked" in lines:
            n = self.chunks()
        elif b"content-length:" in lines:
            n = int(lines.split(b"content-length:")[1].split(b"\r\n")[0])
            while len(self.data) < n and self.more():
                pass
            n = min(n, len(self.data))
        else:
            while self.more():
                pass
            n = len(self.data)
        self.data = self.data[n:]
        return taken + n

    def chunks(self):
        """How long the chunks are, and what follows them."""
        at = 0
        while True:
            while (end := self.data.find(b"\r\n", at)) < 0 and self.more():
                pass
            size = int(self.data[at:end].split(b";")[0], 16)
            if not size:
                break
            at = end + 2 + size + 2
        while b"\r\n\r\n" not in self.data[end:] and self.more():
            pass
        return self.data.index(b"\r\n\r\n", end) + 4

    def rest(self):
        while self.more():
            pass
        n = len(self.data)
        self.data = b""
        return n

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


expected = []


def expect(what, client, **fields):
    fields.update(client=client.name)
    expected.append((what, fields))


def get(c, target, what, method="GET", body=b"", extra="", minor=1, end=True, told=any,
        **fields):
    """A request on c and its whole answer."""
    head = f"{method} {target} HTTP/1.{minor}\r\nHost: log.test\r\n{extra}\r\n".encode("latin-1")
    sent = c.send(head + body)
    got = c.response(method == "HEAD") if end else c.rest()
    values = dict(service="web", mode="http", method=method, target=target, host="log.test", minor=minor,
                  bytes_in=sent, bytes_out=got, cause="none", status=200, server="10.2.0.1:9000")
    values.update(fields)
    if told is not any:
        values.update(target=told)
    expect(what, c, **values)


def requests():
    c = Client(80)
    get(c, "/ok?1", "a request", extra='Referer: http://there/"x"\r\nUser-Agent: a \\ b\r\n',
        referer='http://there/"x"', user_agent="a \\ b", rule=None, retries=None)
    get(c, "/ok?2", "another one of the connection, by HEAD", method="HEAD", connect_time=None)
    get(c, "/body?3", "one with a body", method="POST", body=b"x" * 3000, extra="Content-Length: 3000\r\n")
    get(c, "/body?4", "one with chunks", method="POST", body=b"3\r\nabc\r\n0\r\n\r\n", extra="Transfer-Encoding: chunked\r\n")
    get(c, "/status?code=404&5", "a 404 of the server", status=404)
    get(c, "/chunked?size=50000&6", "a chunked response")
    get(c, "/interim?n=2&7", "interim responses before it")
    lines = [f"GET /ok?8{i} HTTP/1.1\r\nHost: log.test\r\n\r\n".encode() for i in range(3)]
    c.send(b"".join(lines))
    for i, line in enumerate(lines):
        expect(f"a pipelined one, {i + 1} of 3", c, target=f"/ok?8{i}", bytes_in=len(line), bytes_out=c.response(), status=200)
    get(c, "/moved", "a redirect of a rule", status=302, rule=1, server=None, first_byte_time=None)
    get(c, "/answer", "an answer of a rule", status=403, rule=2, server=None)
    get(c, "/ok/ruled", "a rule with a server", rule=4)
    c.sock.close()

    c = Client(80)
    get(c, "/ok?10", "HTTP/1.0", minor=0, end=False)
    c = Client(80)
    c.send(b"bad request\r\n\r\n")
    expect("what is no request", c, status=400, cause="bad-request", method=None, target=None, bytes_in=0, bytes_out=c.rest())
    c = Client(80)
    get(c, "/" + "x" * 9000, "a target that is too long", status=414, cause="limit-target", method=None, told=None,
        host=None, minor=0, bytes_in=0, server=None, end=False)
    c = Client(80)
    get(c, "/body?13", "a body that is too large", method="POST", extra="Content-Length: 200000\r\n", status=413,
        cause="limit-body", server=None, end=False)
    c = Client(80)
    get(c, "/ok?14" + "y" * 3000, "a target that is cut", told=("/ok?14" + "y" * 3000)[:2048])
    c = Client(80)
    get(c, "/never?15", "a server that does not answer", status=504, cause="timeout-response", first_byte_time=None, total_time=900000)
    c = Client(80)
    get(c, "/short?16", "a response that breaks off", cause="bad-response", end=False, bytes_out=any)
    c = Client(80)
    get(c, "/garbage?17", "a response that is none", status=502, cause="bad-response")
    c = Client(80)
    get(c, "/reset?18", "a server that resets", status=502, cause="resets-server")
    c = Client(80)
    get(c, "/reject", "what a rule resets", status=None, cause="rejected", rule=3, server=None, bytes_out=0, end=False)
    c = Client(80)
    head = b"GET /never?20 HTTP/1.1\r\nHost: log.test\r\n\r\n"
    c.send(head)
    time.sleep(0.2)
    c.reset()
    expect("a client that leaves", c, target="/never?20", status=None, cause="resets-client", bytes_out=0, bytes_in=len(head))
    c = Client(81)
    get(c, "/21", "servers that refuse", service="dead", status=503, cause="no-server", retries=1, server="10.2.0.2:9")

    c = Client(82)
    sent = c.send(b"GET /until-close HTTP/1.0\r\n\r\n")
    expect("a connection in mode tcp", c, service="raw", mode="tcp", method=None, status=None, target=None, cause="none",
           server="10.2.0.1:9000", bytes_in=sent, bytes_out=c.rest(), connect_time=any, first_byte_time=any)
    c.sock.close()
    c = Client(83)
    hello = ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="name.test").do_handshake()
    except ssl.SSLWantReadError:
        pass
    sent = c.send(hello.read())
    c.sock.shutdown(socket.SHUT_WR)
    expect("a connection in mode tls", c, service="hello", mode="tls", method=None, host="name.test", bytes_in=sent,
           bytes_out=c.rest(), server="10.2.0.1:9000", status=None)
    c.sock.close()


def differences(fields, record):
    bad = []
    for key, want in fields.items():
        got = record.get(key)
        if want is any:
            ok = got is not None and got != 0
        elif key == "total_time":
            ok = got is not None and got >= want
        else:
            ok = got == want
        if not ok:
            bad.append(f"{key}: {got!r}, wanted {want!r}")
    return bad


def main():
    requests()
    end = time.time() + 30 * times
    records = []
    while time.time() < end:
        with open(sys.argv[2]) as f:
            records = [json.loads(line) for line in f if line.endswith("\n")]
        records = [r for r in records if r.get("target") != "/ok?probe"]
        if len(records) >= len(expected):
            break
        time.sleep(0.1)
    n = 0
    failed = 0

    def told(name, bad):
        nonlocal n, failed
        n += 1
        failed += bool(bad)
        print(("not ok" if bad else "ok"), n, "-", name)
        for line in bad:
            print("#  ", line)

    left = list(records)
    for what, fields in expected:
        mine = [r for r in left if r["client"] == fields["client"] and r.get("target") == fields.get("target", r.get("target"))]
        if len(mine) != 1:
            told(what, [f"{len(mine)} records"] + [json.dumps(r) for r in left if r["client"] == fields["client"]])
            continue
        left.remove(mine[0])
        bad = differences(fields, mine[0])
        now = time.strftime("%Y-%m-%d")
        if not mine[0]["time"].startswith(now[:4]):
            bad.append(f"time: {mine[0]['time']}")
        told(what, bad + ([json.dumps(mine[0])] if bad else []))
    told("there is no other record", [json.dumps(r) for r in left])
    print(f"1..{n}", flush=True)
    sums = {}
    for r in records:
        s = sums.setdefault(r["service"], [0, 0, 0])
        s[0] += 1
        s[1] += r["bytes_in"]
        s[2] += r["bytes_out"]
    with open(sys.argv[2] + ".sums", "w") as f:
        for name, s in sums.items():
            print(name, *s, file=f)
    sys.exit(1 if failed else 0)


if sys.argv[1] == "stall":
    stall()
elif sys.argv[1] == "drain":
    drain()
elif sys.argv[1] == "churn":
    churn(int(sys.argv[2]))
else:
    address, times = sys.argv[3], int(sys.argv[4])
    main()
