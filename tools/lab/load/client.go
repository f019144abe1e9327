package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type target struct {
	address, host, versionHeader string
	header                       string      // a whole line, or empty
	tls                          *tls.Config // nil for plain HTTP
	patience                     time.Duration
}

// client sends one request after the other, over one connection if it keeps it.
type client struct {
	target
	kind, method, path, body string
	pause                    time.Duration
	answered                 func()    // called when the first answer begins
	first                    time.Time // when the body of the last answer began
	conn                     net.Conn  // nil when there is none to reuse
	raw                      net.Conn  // the TCP connection below it
	reader                   *bufio.Reader
}

func (c *client) run(stop <-chan struct{}, records chan<- record) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		r := record{kind: c.kind, start: time.Now()}
		c.first = time.Time{}
		r.version, r.outcome = c.once()
		r.first, r.end = c.first, time.Now()
		records <- r
		c.answered()
		select {
		case <-stop:
			return
		case <-time.After(c.pause):
		}
	}
}

// once sends one request; its outcome is "ok", "truncated", a status, or the error's text.
func (c *client) once() (version, outcome string) {
	if c.conn == nil || closedWhileIdle(c.raw) {
		c.drop()
		if err := c.dial(); err != nil {
			return "", text("connect", err)
		}
	}
	c.conn.SetDeadline(time.Now().Add(c.patience))
	if _, err := io.WriteString(c.conn, c.request()); err != nil {
		c.drop()
		return "", text("write", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	c.answered()
	if err != nil {
		c.drop()
		return "", text("read", err)
	}
	version = response.Header.Get(c.versionHeader)
	body := bufio.NewReader(response.Body)
	body.Peek(1)
	c.first = time.Now()
	data, err := io.ReadAll(body)
	if c.kind != "keepalive" || response.Close || err != nil {
		c.drop()
	}
	switch {
	case response.StatusCode != http.StatusOK:
		return version, strconv.Itoa(response.StatusCode)
	case err != nil, c.kind == "stream" && !strings.HasSuffix(strings.TrimSpace(string(data)), "[DONE]"):
		return version, "truncated"
	}
	return version, "ok"
}

func (c *client) request() string {
	connection := "close"
	if c.kind == "keepalive" {
		connection = "keep-alive"
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n", c.method, c.path, c.host, connection)
	if c.body != "" {
		request += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(c.body))
	}
	return request + c.header + "\r\n" + c.body
}

func (c *client) dial() error {
	raw, err := net.DialTimeout("tcp", c.address, c.patience)
	if err != nil {
		return err
	}
	c.raw, c.conn = raw, raw
	if c.tls != nil {
		raw.SetDeadline(time.Now().Add(c.patience))
		secured := tls.Client(raw, c.tls)
		if err := secured.Handshake(); err != nil {
			raw.Close()
			c.conn = nil
			return err
		}
		c.conn = secured
	}
	c.reader = bufio.NewReader(c.conn)
	return nil
}

func (c *client) drop() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = nil
}

// closedWhileIdle looks, without waiting, whether the server has sent anything since the last answer: on an idle
// connection that can only be its end.
func closedWhileIdle(conn net.Conn) bool {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n > 0 || err == nil || !errors.Is(err, syscall.EAGAIN)
		return true
	})
	return closed || err != nil
}

// text is an error in a few words, the same for all of its kind.
func text(during string, err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return during + ": closed"
	case errors.Is(err, syscall.ECONNRESET):
		return during + ": reset"
	case errors.Is(err, syscall.EPIPE):
		return during + ": broken pipe"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return during + ": timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return during + ": refused"
	}
	return during + ": " + strings.ReplaceAll(err.Error(), "\t", " ")
}
