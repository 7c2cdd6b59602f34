// SPDX-License-Identifier: MIT

// Where two readings of a message differ. A message that one parser refuses and
// another still waits for is refused by both: neither acts on it.

package main

import (
	"sort"
	"strings"
)

// What of the readings differs. Of a message whose heads are read differently
// the bodies are not compared.
const (
	onHead     = "head"     // one accepts it, one does not
	onStart    = "start"    // method, target, version, status, reason
	onFields   = "fields"   // names and values
	onFraming  = "framing"  // how the body ends
	onBody     = "body"     // one accepts it, one does not
	onConsumed = "consumed" // where the message ends
	onData     = "data"     // bytes of the body
)

func compare(ours, theirs *reading, isGo bool) (diffs []string) {
	if (ours.head == accepted) != (theirs.head == accepted) {
		return []string{onHead}
	}
	if ours.head != accepted {
		return nil
	}
	if ours.minor != theirs.minor || ours.status != theirs.status || ours.method != theirs.method ||
		ours.target != theirs.target || ours.reason != theirs.reason {
		diffs = append(diffs, onStart)
	}
	a, b := ours.fields, theirs.fields
	if isGo {
		a, b = asGo(a, ours.status != 0), asGo(b, ours.status != 0)
	}
	if !sameFields(a, b) {
		diffs = append(diffs, onFields)
	}
	if ours.framing != theirs.framing || (ours.framing == length && ours.length != theirs.length) {
		return append(diffs, onFraming)
	}
	if (ours.body == accepted) != (theirs.body == accepted) {
		return append(diffs, onBody)
	}
	if ours.body != accepted {
		return diffs
	}
	if ours.consumed != theirs.consumed {
		diffs = append(diffs, onConsumed)
	}
	if ours.bodyLen != theirs.bodyLen || ours.bodyHash != theirs.bodyHash {
		diffs = append(diffs, onData)
	}
	return diffs
}

func sameFields(a, b []field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// asGo is what net/http keeps of the header lines, in one order: Host and what
// frames the message are taken out into fields of their own (framing is
// compared by itself), so is what a response says of the connection, and a
// Cache-Control is made of a Pragma.
func asGo(fields []field, response bool) (kept []field) {
	for _, f := range fields {
		name := strings.ToLower(f.name)
		switch name {
		case "host", "transfer-encoding", "content-length", "trailer", "cache-control":
			continue
		case "connection":
			if response {
				continue
			}
		}
		kept = append(kept, field{name, f.value})
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].name < kept[j].name })
	return kept
}
