// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// httpClient is one client's kept-alive connection.
type httpClient struct {
	conn *traffic.Conn
	r    *bufio.Reader
	done func()
	left int // requests this connection may still carry
}

func (h *httpClient) close() {
	if h.conn != nil {
		h.done()
		h.conn = nil
	}
}

// exchangeHTTP sends one request and checks its response. The request body is
// written while the response is awaited: an early answer must be seen although
// the server reads no further.
func (d *driver) exchangeHTTP(ctx context.Context, h *httpClient, x exchange, rng *traffic.Rand, buf [2][]byte) (err error) {
	if h.conn == nil {
		c, done, err := d.dial(ctx, d.seed^x.ID<<8)
		if err != nil {
			return fmt.Errorf("stream %d: %w", x.ID, err)
		}
		*h = httpClient{c, bufio.NewReaderSize(c, 16<<10), done, 1 + int(rng.N(int64(d.perConn)))}
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.left--
	x.Frame = d.response[rng.N(int64(len(d.response)))]
	last := h.left <= 0

	head, f, expect := d.requestHead(x, rng, last)
	c := h.conn
	sent, proceed := make(chan error, 1), make(chan struct{})
	go func() {
		if expect {
			if _, err := io.WriteString(c, head); err != nil {
				sent <- err
				return
			}
			head = ""
			select {
			case <-proceed:
			case <-time.After(d.idle):
			}
		}
		sent <- send(c, head, x, traffic.Up, f, buf[0], &d.up)
	}()

	resp, err := readResponse(h.r, proceed)
	if err == nil {
		err = d.checkResponse(resp, x, buf[1])
	}
	if err != nil {
		// The writer may hang on a peer that reads no more.
		traffic.Reset(c.Conn)
		<-sent
		return fmt.Errorf("stream %d: %s: %w", x.ID, x.Frame, err)
	}
	if err := <-sent; err != nil {
		return err
	}
	if last && !resp.Close {
		return fmt.Errorf("stream %d: asked for Connection: close, the response does not confirm it", x.ID)
	}
	if last || resp.Close {
		h.close()
	}
	return nil
}

func (d *driver) requestHead(x exchange, rng *traffic.Rand, last bool) (head string, f framing, expect bool) {
	frame := d.request[rng.N(int64(len(d.request)))]
	method := "POST"
	if x.Up == 0 && rng.N(2) == 0 {
		method, frame = "GET", ""
	}
	head = method + " " + d.path + "?" + x.encode() + " HTTP/1.1\r\nHost: " + d.host + "\r\nUser-Agent: pattern\r\n"
	switch frame {
	case "length":
		head += "Content-Length: " + strconv.FormatInt(x.Up, 10) + "\r\n"
	case "chunked":
		f = chunked
		head += "Transfer-Encoding: chunked\r\n"
	}
	if expect = x.Up > 0 && rng.N(100) < int64(d.expect); expect {
		head += "Expect: 100-continue\r\n"
	}
	if last {
		head += "Connection: close\r\n"
	}
	return head + "\r\n", f, expect
}

// readResponse skips interim responses; any response lets the body go.
func readResponse(r *bufio.Reader, proceed chan struct{}) (*http.Response, error) {
	released := false
	for {
		resp, err := http.ReadResponse(r, nil)
		if !released {
			close(proceed)
			released = true
		}
		if err != nil {
			return nil, fmt.Errorf("response head: %w", err)
		}
		if resp.StatusCode >= 200 || resp.StatusCode == 101 {
			return resp, nil
		}
	}
}

func (d *driver) checkResponse(resp *http.Response, x exchange, buf []byte) error {
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return statusError{resp.Status, string(body)}
	}
	if got, want := resp.Header.Get("Pattern-Stream"), strconv.FormatUint(x.ID, 10); got != want {
		return fmt.Errorf("the response belongs to stream %q", got)
	}
	// A body that is framed cannot end early unseen: net/http says so. One
	// that ends with the connection can, and that is a silent truncation.
	if err := receive(resp.Body, x, traffic.Down, buf, &d.down); err != nil {
		return err
	}
	if x.Frame == "trailer" {
		if got, want := resp.Trailer.Get("Pattern-End"), strconv.FormatInt(x.Down, 10); got != want {
			return fmt.Errorf("trailer Pattern-End is %q, expected %q", got, want)
		}
	}
	return nil
}
