// SPDX-License-Identifier: MIT

package config

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// TestUsual: rules as large tables have them are read by a shorter way than those
// whose keys are written otherwise, and are the same rules, or the same mistakes.
func TestUsual(t *testing.T) {
	const block = "Virtual v {\n\tlisten = 10.0.0.1:80\n\tmode = http\n\tserver = 10.0.0.2:80 1\n\tserver = 10.0.0.3:80 1\n\t%s = %s\n\t%[1]s = %[2]s\n}\n"
	other := strings.NewReplacer("host ", "HOST ", "path ", "Path ", "prefix ", "PREFIX ", "template ", "Template ",
		"use server", "Use Server", "use ", "USE ", "name ", "Name ", "pattern ", "PATTERN ")
	seen := map[rules.Kind]bool{}
	for _, line := range []string{
		`host "a.example" use server 10.0.0.2:80`,
		`path "/a b" use server 10.0.0.2:80`,
		`host a.example path /a use server 10.0.0.2:80`,
		`host "a.example" prefix "/a/b" use server 10.0.0.3:80`,
		`template "/u/{id}/p" use server 10.0.0.3:80`,
		`name n prefix "/n" use server 10.0.0.3`,
		`host *.example use server 10.0.0.3:80 scheduler rr`,
		`pattern "^/x(.*)" match 1 use server 10.0.0.3:80`,
		`prefix "/a" use server 10.0.0.9:80`,
		`prefix "/a" use server nobody:nothing`,
		`prefix "/a" use servers 10.0.0.2:80`,
		`prefix "/a" use server`,
		`host "a b" path "/" reject`,
		`host a.example path "/a" prefix "/b" reject`,
		`path`,
		`host a.example`,
		`use server 10.0.0.2:80 twice`,
	} {
		// The line stands there twice: the rule twice, if it is one.
		got, gotErr := Parse("f", fmt.Sprintf(block, "rule", line), NewNames("", ""))
		want, wantErr := Parse("f", fmt.Sprintf(block, "RULE", other.Replace(line)), NewNames("", ""))
		if a, b := strings.ToLower(fmt.Sprint(gotErr)), strings.ToLower(fmt.Sprint(wantErr)); a != b {
			t.Errorf("%s: %s, not %s", line, a, b)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, not %+v", line, got, want)
		}
		one, err := ParseRule(line, NewNames("", ""))
		oneErr := err
		if two, err := ParseRule(other.Replace(line), NewNames("", "")); (err == nil) != (oneErr == nil) {
			t.Errorf("%s: %v, not %v", line, oneErr, err)
		} else if err == nil {
			two.Pos = one.Pos
			if !reflect.DeepEqual(one, two) {
				t.Errorf("%s: %+v, not %+v", line, one, two)
			}
			seen[one.Match.Path.Kind] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("of all kinds of paths there were %v", seen)
	}
}

// TestIndex enters rules that repeat each other, and asks for them.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 3000
	list := make([]Rule, n)
	x := newIndex(n)
	repeats := 0
	for i := range list {
		r := &list[i]
		r.Match.Host = fmt.Sprint("h", rng.IntN(20))
		r.Match.Path = rules.Path{Kind: rules.Exact + rules.Kind(rng.IntN(2)), Value: fmt.Sprint("/", rng.IntN(50))}
		if rng.IntN(4) == 0 {
			r.Match.Methods = []string{"GET", "PUT"}[rng.IntN(2):][:1]
		}
		want := -1
		for j := range list[:i] {
			if sameConditions(&list[j], r) {
				want = j
				break
			}
		}
		if at, ok := x.find(list, r); ok != (want >= 0) || ok && at != want {
			t.Fatalf("rule %d is found at %d, not %d", i, at, want)
		}
		at, ok := x.enter(list, r, i)
		if ok != (want >= 0) || ok && at != want || !ok && at != i {
			t.Fatalf("rule %d is at %d, not %d", i, at, want)
		}
		if ok {
			repeats++
		}
	}
	if repeats < 100 || repeats > n-100 {
		t.Errorf("%d of %d repeat another", repeats, n)
	}
}
