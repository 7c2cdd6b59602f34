// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// server is what "peers serve" answers. Its cases are in golang.go.
type server struct {
	*http.ServeMux
	mu    sync.Mutex
	gates map[string]chan struct{} // of streams, by the client's key
	told  map[string]string        // what came after the server's own half close
}

func newServer() *server {
	s := &server{ServeMux: http.NewServeMux(), gates: map[string]chan struct{}{}, told: map[string]string{}}
	s.HandleFunc("/id", id)
	s.HandleFunc("/port", port)
	s.HandleFunc("/echo", echo)
	s.HandleFunc("/chunked", chunked)
	s.HandleFunc("/hints", hints)
	s.HandleFunc("/early", early)
	s.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.HandleFunc("/unchanged", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	s.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusExpectationFailed)
	})
	s.HandleFunc("/stream", s.stream)
	s.HandleFunc("/next", s.next)
	s.HandleFunc("/ws", s.websocket)
	s.HandleFunc("/ws-told", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		io.WriteString(w, s.told[r.URL.Query().Get("key")])
	})
	return s
}

// id says which request this is.
func id(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body)
}

// port is that of our peer: a name of the connection.
func port(w http.ResponseWriter, r *http.Request) {
	_, p, _ := net.SplitHostPort(r.RemoteAddr)
	io.WriteString(w, p)
}

// echo sends the body back as it comes, then its digest and what the
// request's own trailer said as trailers.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Digest, X-Told")
	w.WriteHeader(http.StatusOK)
	h := sha256.New()
	// HTTP/1.x servers of Go read no more of a body once they have answered.
	if http.NewResponseController(w).EnableFullDuplex() != nil {
		return
	}
	if _, err := io.Copy(io.MultiWriter(w, h), r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Digest", fmt.Sprintf("%x", h.Sum(nil)))
	w.Header().Set("X-Told", r.Trailer.Get("X-Sum"))
}

// chunked answers with size bytes in chunks of many sizes.
func chunked(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("size"))
	b := pattern("chunked", size)
	for n := 1; len(b) > 0; n = n*3%20011 + 1 {
		k := min(n, len(b))
		w.Write(b[:k])
		b = b[k:]
		w.(http.Flusher).Flush()
	}
}

func hints(w http.ResponseWriter, r *http.Request) {
	for _, l := range []string{"</one.css>; rel=preload", "</two.js>; rel=preload"} {
		w.Header().Set("Link", l)
		w.WriteHeader(http.StatusEarlyHints)
	}
	w.Header().Del("Link")
	io.WriteString(w, "hinted")
}

// early answers a body that it does not read.
func early(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusRequestEntityTooLarge)
	w.Write(pattern("early", 1000))
}

func (s *server) gate(key string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[key] == nil {
		s.gates[key] = make(chan struct{}, 1)
	}
	return s.gates[key]
}

// stream writes a line, and each further one when the client asks for it.
func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	gate := s.gate(r.URL.Query().Get("key"))
	for i := range pieces {
		fmt.Fprintf(w, "piece %d\n", i)
		w.(http.Flusher).Flush()
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) next(w http.ResponseWriter, r *http.Request) {
	s.gate(r.URL.Query().Get("key")) <- struct{}{}
	w.WriteHeader(http.StatusNoContent)
}

// websocket upgrades and does what the target asks for: echo messages; say
// more after the client's half close; end its own half first.
func (s *server) websocket(w http.ResponseWriter, r *http.Request) {
	accept, err := acceptKey(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	// Nobody waits for us longer than this.
	conn.SetDeadline(time.Now().Add(10 * time.Minute))
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+accept+"\r\n\r\n")
	key := r.URL.Query().Get("key")
	switch r.URL.Query().Get("do") {
	case "echo":
		echoFrames(conn, rw.Reader)
	case "after-client":
		if _, err := readFrames(rw.Reader, true); err == io.EOF {
			for i := range pieces {
				frame{opcode: opText, fin: true, payload: fmt.Appendf(nil, "after %d", i)}.write(conn, false)
			}
		}
	case "after-server":
		frame{opcode: opText, fin: true, payload: []byte("last")}.write(conn, false)
		conn.(*net.TCPConn).CloseWrite()
		got, err := readFrames(rw.Reader, true)
		s.mu.Lock()
		s.told[key] = fmt.Sprintf("%q, then %v", got, err)
		s.mu.Unlock()
	}
}

// echoFrames sends back every frame but pings, which get their pongs, until a
// close frame, which is answered as well.
func echoFrames(w io.Writer, r *bufio.Reader) {
	for {
		f, err := readFrame(r, true)
		if err != nil {
			return
		}
		if f.opcode == opPing {
			f.opcode = opPong
		}
		if err := f.write(w, false); err != nil || f.opcode == opClose {
			return
		}
	}
}

// readFrames reads until the end; the error says which end.
func readFrames(r *bufio.Reader, masked bool) (payloads []string, err error) {
	for {
		f, err := readFrame(r, masked)
		if err != nil {
			return payloads, err
		}
		payloads = append(payloads, string(f.payload))
	}
}

var errMask = errors.New("a frame is masked by the wrong side")
