// SPDX-License-Identifier: MIT

// metrics: every counter in the text format of Prometheus, once on stdout or at
// each scrape over HTTP. Names follow from the protocol: a counter "requests" of
// a service is tcpvs_service_requests_total, what is a state and no sum has no
// "_total". A scrape reads the table anew; nothing is kept between scrapes.

package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/ktcpvs/ktcpvs/genl"
)

const (
	metricsPath   = "/metrics"
	scrapeTimeout = 10 * time.Second
)

func runMetrics(s *session) error {
	addr := ""
	if text, ok := s.opts.get("listen"); ok {
		ap, err := s.names.ParseAddr(text)
		if err != nil {
			return badValue("listen", err)
		}
		if ap.Port() == 0 {
			return &usageError{"-l: the port is missing", "-l 127.0.0.1:9180 serves http://127.0.0.1:9180" + metricsPath, "listen"}
		}
		addr = ap.String()
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{ctx: s.ctx, c: c})
	if addr != "" {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return cannot(err, "serve the counters")
		}
		ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return cannot(serveMetrics(ctx, l, reg), "serve the counters")
	}
	families, err := reg.Gather()
	if err != nil {
		return cannot(gathered(err), "read the counters")
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(s.out, f); err != nil {
			return cannot(err, "write the output")
		}
	}
	return nil
}

// serveMetrics answers scrapes until ctx ends, which is no error. A scraper that
// asks again before it has its answer is told so: the kernel shall not be asked
// faster than it answers.
func serveMetrics(ctx context.Context, l net.Listener, reg prometheus.Gatherer) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: scrapeTimeout, WriteTimeout: 2 * scrapeTimeout}
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		_ = srv.Shutdown(late)
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// gathered finds the kernel's error in those of a registry.
func gathered(err error) error {
	var ge *genl.Error
	var many prometheus.MultiError
	if errors.As(err, &many) {
		for _, e := range many {
			if errors.As(e, &ge) {
				return ge
			}
		}
	}
	return err
}

// metricsReader is what a scrape asks.
type metricsReader interface {
	wholeReader
	histogramReader
	Info(ctx context.Context) (genl.Info, error)
	Workers(ctx context.Context) ([]genl.Worker, error)
}

// collector reads everything at each scrape. It describes nothing in advance:
// which services there are is not known before.
type collector struct {
	ctx context.Context
	c   metricsReader
}

func (m *collector) Describe(chan<- *prometheus.Desc) {}

func (m *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(m.ctx, scrapeTimeout)
	defer cancel()
	if err := m.collect(ctx, &sink{to}); err != nil {
		to <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
	}
}

// sink makes metrics.
type sink struct{ to chan<- prometheus.Metric }

// put sends one number; labels are names and values by turns.
func (s *sink) put(name, doc string, gauge bool, v float64, labels ...string) {
	kind, full := prometheus.GaugeValue, "tcpvs_"+strings.ReplaceAll(name, "-", "_")
	if !gauge {
		kind, full = prometheus.CounterValue, full+"_total"
	}
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	s.to <- prometheus.MustNewConstMetric(prometheus.NewDesc(full, doc, names, nil), kind, v, values...)
}

// Bounds of the buckets that Prometheus is told: each is that of a bucket of the
// kernel, from 66 us to 69 s in steps of two.
const (
	firstBound = 64 * genl.HistogramUnit
	bounds     = 21
)

// histogram sends a histogram, in seconds.
func (s *sink) histogram(h *genl.Histogram) {
	names, values := []string{"service"}, []string{h.Service}
	name, of := "tcpvs_service_", "a virtual service"
	if h.Server.IsValid() {
		names, values = append(names, "server"), append(values, h.Server.String())
		name, of = "tcpvs_server_", "a real server"
	}
	what, ok := histogramDocs[h.Kind]
	if !ok {
		return // of a newer kernel
	}
	below := make(map[float64]uint64, bounds)
	for i := range bounds {
		d := firstBound << i
		below[d.Seconds()] = h.Below(d)
	}
	name += strings.ReplaceAll(h.Kind.String(), "-", "_") + "_seconds"
	s.to <- prometheus.MustNewConstHistogram(prometheus.NewDesc(name, what+" of "+of+".", names, nil),
		h.Count(), float64(h.Sum)*genl.HistogramUnit.Seconds(), below, values...)
}

var histogramDocs = map[genl.HistogramKind]string{
	genl.HistogramKindConnect:   "Time to connect to the real server, of requests",
	genl.HistogramKindFirstByte: "Time from the end of a request head to the first byte of the real server, of requests",
	genl.HistogramKindTotal:     "Time from the end of a request head to the end of the request, of requests",
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *collector) collect(ctx context.Context, s *sink) error {
	info, err := m.c.Info(ctx)
	if err != nil {
		return err
	}
	settings, err := m.c.Settings(ctx)
	if err != nil {
		return err
	}
	workers, err := m.c.Workers(ctx)
	if err != nil {
		return err
	}
	// A table that changed while it was read is good enough for sums.
	t, err := readTable(ctx, m.c, "", counted)
	if err != nil && !errors.Is(err, genl.ErrInconsistent) {
		return err
	}
	times, err := m.c.Histograms(ctx, genl.HistogramFilter{})
	if err != nil && !errors.Is(err, genl.ErrInconsistent) {
		return err
	}
	s.put("info", "The module that answers.", true, 1, "version", info.Version)
	s.put("generation", "Generation of the configuration; every change counts.", true, float64(info.Generation))
	s.put("connections", "Client connections open now in the namespace.", true, float64(info.Connections))
	s.put("max-connections", "Client connections the namespace may have.", true, float64(settings.MaxConnections))
	for i := range t.services {
		v := &t.services[i]
		s.put("service-info", "What a virtual service is.", true, 1,
			"service", v.Name, "listen", v.Listen.String(), "mode", v.Mode.String(), "scheduler", v.Scheduler)
		s.put("service-running", "1 = it accepts connections.", true, flag(v.State == genl.ServiceStateRunning), "service", v.Name)
		for c, n := range v.Stats.All() {
			s.put("service-"+c.Name, c.Doc, c.Gauge, float64(n), "service", v.Name)
		}
		for _, r := range t.servers[v.Name] {
			labels := []string{"service", r.Service, "server", r.Address.String()}
			s.put("server-up", "1 = it receives new work.", true, flag(r.State == genl.ServerStateUp), labels...)
			s.put("server-weight", "Its share of the work.", true, float64(r.Weight), labels...)
			for c, n := range r.Stats.All() {
				s.put("server-"+c.Name, c.Doc, c.Gauge, float64(n), labels...)
			}
		}
	}
	for i := range times {
		s.histogram(&times[i])
	}
	for _, w := range workers {
		cpu := []string{"cpu", u32(w.CPU)}
		s.put("worker-connections", "Client connections a worker serves now, all namespaces together.", true, float64(w.Connections), cpu...)
		for _, c := range []struct {
			name, doc string
			n         uint64
		}{
			{"accepted", "Client connections it accepted.", w.Accepted},
			{"handoffs-in", "Connections it took over.", w.HandoffsIn},
			{"handoffs-out", "Connections it gave away.", w.HandoffsOut},
			{"passes", "Passes over its ready list.", w.Passes},
			{"steps", "Steps of connections.", w.Steps},
			{"requests", "Requests it served.", w.Requests},
			{"wakeups", "Times it slept and was woken.", w.Wakeups},
		} {
			s.put("worker-"+c.name, c.doc, false, float64(c.n), cpu...)
		}
	}
	return nil
}
