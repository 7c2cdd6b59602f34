// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

// How long requests took: nine of ten in less than a millisecond. Without
// genl.WithDialer the answer is the kernel's.
func ExampleClient_Histograms() {
	kernel := genlfake.New()
	c, err := genl.New(genl.WithDialer(kernel.Dial))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	err = c.AddService(ctx, "web", genl.ServiceConfig{Listen: genl.Ptr(netip.MustParseAddrPort("192.0.2.1:80"))})
	if err != nil {
		log.Fatal(err)
	}
	times := genl.Histogram{Service: "web", Kind: genl.HistogramKindTotal, Buckets: make([]uint64, 100), Longest: 20 * time.Millisecond}
	times.Buckets[60], times.Buckets[97] = 9, 1
	kernel.SetHistograms([]genl.Histogram{times})

	list, err := c.Histograms(ctx, genl.HistogramFilter{Service: "web"})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range list {
		fmt.Println(h.Service, h.Kind, h.Count(), h.Percentile(90), h.Percentile(99))
	}
	// Output: web total 10 819.2µs 19.922944ms
}
