// SPDX-License-Identifier: MIT

// How Go's net/http reads messages: ReadRequest and ReadResponse, then the body
// to its end. The server of net/http checks a little more than ReadRequest.

package main

import (
	"bufio"
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"sort"
	"strings"
)

func readGo(m message) (r reading) {
	src := bytes.NewReader(m.bytes)
	br := bufio.NewReader(src)
	var body io.ReadCloser
	var header http.Header
	var te []string
	if m.response {
		resp, err := http.ReadResponse(br, &http.Request{Method: m.method})
		if err != nil {
			r.headError(err)
			return r
		}
		r.minor, r.status = resp.ProtoMinor, resp.StatusCode
		if resp.ProtoMajor != 1 {
			r.minor += 10 * resp.ProtoMajor
		}
		_, r.reason, _ = strings.Cut(resp.Status, " ")
		r.length, body, header, te = resp.ContentLength, resp.Body, resp.Header, resp.TransferEncoding
	} else {
		req, err := http.ReadRequest(br)
		if err != nil {
			r.headError(err)
			return r
		}
		r.minor, r.method, r.target = req.ProtoMinor, req.Method, req.RequestURI
		if req.ProtoMajor != 1 {
			r.minor += 10 * req.ProtoMajor
		}
		r.length, body, header, te = req.ContentLength, req.Body, req.Header, req.TransferEncoding
	}
	r.head = accepted
	// The order of different names is lost, and the names' case.
	for name, values := range header {
		for _, v := range values {
			r.fields = append(r.fields, field{name, v})
		}
	}
	sort.SliceStable(r.fields, func(i, j int) bool { return r.fields[i].name < r.fields[j].name })

	hash := fnv.New64a()
	n, err := io.Copy(hash, body)
	r.bodyLen, r.bodyHash = n, hash.Sum64()
	switch {
	case body == http.NoBody:
		r.framing = none
	case len(te) > 0:
		r.framing = chunked
	case r.length < 0:
		r.framing = untilClose
	case r.length > 0:
		r.framing = length
	}
	if r.framing != length {
		r.length = 0
	}
	switch {
	case err == nil:
		r.body = accepted
		r.consumed = len(m.bytes) - src.Len() - br.Buffered()
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.body = incomplete
	default:
		r.body, r.err = refused, err.Error()
	}
	return r
}

func (r *reading) headError(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		r.head = incomplete
		return
	}
	r.head, r.err = refused, err.Error()
}
