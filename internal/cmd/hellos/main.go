// SPDX-License-Identifier: MIT

// Command hellos begins TLS connections in every way, good and bad.
//
//	hellos certs DIR NAME...  a self-signed certificate for each name: NAME.crt, NAME.key
//	hellos drive OPTION...    handshakes in pieces, the hellos of a table, a slow one
//
// drive tells in the Test Anything Protocol whether each connection ended as it
// should at a service in mode tls with head-bytes = 65535: a good hello reaches a
// server, a bad one is refused with the alert of its error or reset. It counts what
// it was refused for, for who wants to compare that with the service's counters.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const usage = `usage: hellos certs DIR NAME...
       hellos drive --connect ADDR --roots FILE --table FILE [--slow TIME] NAME=CERTIFICATE[=PROTOCOL]...

NAME=CERTIFICATE says which certificate answers a server name; an empty name is
none, and the certificate "reset" a reset. With a protocol that is offered and has
to be agreed on.
`

func main() {
	if len(os.Args) < 3 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch os.Args[1] {
	case "certs":
		err = certs(os.Args[2], os.Args[3:])
	case "drive":
		err = drive(os.Args[2:])
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hellos:", err)
		os.Exit(1)
	}
}

// certs writes certificates that are their own authorities, good for any name
// that a test asks for, since the clients compare the subject.
func certs(dir string, names []string) error {
	for _, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		t := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
			DNSNames:              []string{"*.example.com", "*.wild.example.com", name},
			BasicConstraintsValid: true, IsCA: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
		if err != nil {
			return err
		}
		secret, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			suffix, kind string
			bytes        []byte
		}{{".crt", "CERTIFICATE", der}, {".key", "EC PRIVATE KEY", secret}} {
			text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.bytes})
			if err := os.WriteFile(filepath.Join(dir, name+f.suffix), text, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
