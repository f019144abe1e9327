// A strict load client: it never retries, so that whatever a server loses is seen.
//
//	load -url https://localhost:8443 -ca ca.pem -keepalive 20@5ms,15@1s -fresh 2@50ms -get 2@50ms -stream 8@0s
//
// Every kind of request is given as clients@pause,...: that many clients, each with that pause between its requests.
//
//	keepalive  POST over one connection that is kept; a connection that the server has closed while it was idle is
//	           replaced before it is used again, as clients with a pool do, and that is no loss
//	fresh      POST over a new connection each
//	get        GET over a new connection each
//	stream     GET of server-sent events over a new connection each; whole only if its last event is [DONE]
//
// It runs until its standard input ends, then lets running requests end (at most -patience), and prints one line a
// request on standard output: kind, start and end (Unix time in seconds), version (a header of the answer), outcome ("ok",
// "truncated", a status such as "502", or the error), and when the first byte of the answer's body came. The first line, "ready", comes when every client's first answer
// has begun.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

type record struct {
	kind, version, outcome string
	start, first, end      time.Time
}

func main() {
	base := flag.String("url", "https://localhost:8443", "base URL")
	dial := flag.String("dial", "", "address to connect to, as 10.0.0.5:8443, if it is not that of -url")
	ca := flag.String("ca", "", "PEM file of the certificate authority")
	header := flag.String("version-header", "X-Version", "header of an answer that tells its version")
	postPath := flag.String("post-path", "/v1/echo", "path of POST requests")
	body := flag.String("body", `{"load": true}`, "body of POST requests")
	getPath := flag.String("get-path", "/v1/hello", "path of GET requests")
	more := flag.String("header", "", "header of every request, as `X-Api-Key: secret`")
	streamPath := flag.String("stream-path", "/v1/stream?seconds=10", "path of streams")
	patience := flag.Duration("patience", 2*time.Minute, "longest time for one request")
	plans := map[string]*string{}
	for _, kind := range []string{"keepalive", "fresh", "get", "stream"} {
		plans[kind] = flag.String(kind, "", "clients@pause,... of this kind")
	}
	flag.Parse()

	target := mustTarget(*base, *ca, *patience)
	target.versionHeader = *header
	if *more != "" {
		target.header = *more + "\r\n"
	}
	if *dial != "" {
		target.address = *dial
	}
	records := make(chan record, 4096)
	stop := make(chan struct{})
	var clients, first sync.WaitGroup
	for kind, plan := range plans {
		for _, pause := range mustPauses(*plan) {
			client := &client{target: target, kind: kind, pause: pause, path: *postPath, method: "POST", body: *body}
			client.answered = sync.OnceFunc(first.Done)
			switch kind {
			case "get":
				client.method, client.path, client.body = "GET", *getPath, ""
			case "stream":
				client.method, client.path, client.body = "GET", *streamPath, ""
			}
			clients.Add(1)
			first.Add(1)
			go func() {
				defer clients.Done()
				client.run(stop, records)
			}()
		}
	}
	go func() {
		first.Wait()
		records <- record{kind: "ready"}
		io.Copy(io.Discard, os.Stdin)
		close(stop)
		clients.Wait()
		close(records)
	}()
	print(records)
}

func print(records <-chan record) {
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	defer out.Flush()
	for r := range records {
		if r.kind == "ready" {
			fmt.Fprintln(out, "ready")
			out.Flush()
			continue
		}
		seconds := func(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
		fmt.Fprintf(out, "%s\t%.6f\t%.6f\t%s\t%s\t%.6f\n",
			r.kind, seconds(r.start), seconds(r.end), r.version, r.outcome, seconds(r.first))
	}
}

func mustTarget(base, ca string, patience time.Duration) target {
	parsed, err := url.Parse(base)
	if err != nil || parsed.Host == "" {
		fail("%q is not a base URL", base)
	}
	t := target{address: parsed.Host, host: parsed.Host, patience: patience}
	port := parsed.Port()
	if parsed.Scheme == "https" {
		t.tls = &tls.Config{ServerName: parsed.Hostname()}
		if ca != "" {
			pem, err := os.ReadFile(ca)
			if err != nil {
				fail("%v", err)
			}
			t.tls.RootCAs = x509.NewCertPool()
			t.tls.RootCAs.AppendCertsFromPEM(pem)
		}
	}
	if port == "" {
		t.address += map[string]string{"https": ":443", "http": ":80"}[parsed.Scheme]
	}
	return t
}

// mustPauses gives the pause of every client of a plan such as "20@5ms,15@1s".
func mustPauses(plan string) []time.Duration {
	var pauses []time.Duration
	for _, part := range strings.FieldsFunc(plan, func(r rune) bool { return r == ',' }) {
		count, text, _ := strings.Cut(part, "@")
		clients, err := strconv.Atoi(count)
		pause, err2 := time.ParseDuration(text)
		if err != nil || err2 != nil {
			fail("%q is not clients@pause, as 20@5ms", part)
		}
		for range clients {
			pauses = append(pauses, pause)
		}
	}
	return pauses
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "load: "+format+"\n", values...)
	os.Exit(2)
}
