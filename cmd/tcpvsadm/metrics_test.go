// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ktcpvs/ktcpvs/genl"
)

// Each scrape reads the table as it is then; the end of the context is a way to
// end, and a kernel that answers no more is an error of the scrape.
func TestServeMetrics(t *testing.T) {
	n := newNode(t)
	n.adm("", "-A", "-i", "web", "-l", "10.0.0.1:80")
	reg := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reg.MustRegister(&collector{ctx: ctx, c: n.client})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serveMetrics(ctx, l, reg) }()

	scrape := func(status int) string {
		t.Helper()
		r, err := http.Get("http://" + l.Addr().String() + metricsPath)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != status {
			t.Fatalf("status %s, %v:\n%s", r.Status, err, body)
		}
		return string(body)
	}
	const line = `tcpvs_service_requests_total{service="web"} `
	if text := scrape(200); !strings.Contains(text, line+"0\n") {
		t.Errorf("no %s0 in\n%s", line, text)
	}
	if err := n.kernel.SetServiceStats("web", genl.ServiceStats{Requests: 7}); err != nil {
		t.Fatal(err)
	}
	if err := n.client.AddServer(ctx, "web", netip.MustParseAddrPort("10.0.0.2:80"), genl.ServerConfig{}); err != nil {
		t.Fatal(err)
	}
	text := scrape(200)
	for _, want := range []string{line + "7\n", `tcpvs_server_up{server="10.0.0.2:80",service="web"} 1` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	n.kernel.Fail("worker-get", 12, "no memory")
	if text := scrape(500); !strings.Contains(text, "no memory") {
		t.Errorf("the kernel's word is missing: %s", text)
	}
	scrape(200)

	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}
