#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print the notifications of the family as they come, one a line.

usage: events.py SPEC

Each line: the notification, the service, the server's address and weight, or
the service's state. Uses the kernel's own YNL library, which knows nothing of
us but the specification. "ready" on the first line: it has joined the group.
"""
import select
import sys

sys.path.insert(0, "/usr/src/linux-source-6.12/tools/net/ynl")
from lib import YnlFamily  # noqa: E402

ynl = YnlFamily(sys.argv[1], "")
ynl.ntf_subscribe("config")
print("ready", flush=True)
while True:
    select.select([ynl.sock], [], [])
    ynl.check_ntf()
    for event in ynl.async_msg_queue:
        msg = event["msg"]
        words = [event["name"], msg.get("service") or msg.get("name")]
        if "address" in msg:
            words.append(f"{msg['address']['ipv4']}:{msg['address']['port']}")
            words.append(msg.get("weight", "-"))
        else:
            words.append(msg.get("state", "-"))
        print(*words, flush=True)
    ynl.async_msg_queue.clear()
