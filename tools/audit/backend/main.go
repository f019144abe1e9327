// An HTTP server that shows what has reached it, byte by byte. It reads requests by itself, since a well-behaved library
// would tidy up just what an attack suite wants to see. Its answers are JSON:
//
//	head   the request line and header lines as they came
//	body   number of bytes of the body
//	extra  number of bytes that came behind the body: a smuggled request
//
// GET /v1/large answers with 16 MiB; everything that ends in /completions, with what ends a model's stream.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const address = ":8000"

func main() {
	if len(os.Args) > 1 {
		connection, err := net.Dial("tcp", "127.0.0.1"+address)
		if err != nil {
			os.Exit(1)
		}
		connection.Close()
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		listener.Close()
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(connection)
	}
}

// serve answers one request: the edge opens a connection for each.
func serve(connection net.Conn) {
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(2 * time.Minute))
	reader := bufio.NewReaderSize(connection, 1<<16)
	head, fields, err := readHead(reader)
	if err != nil {
		return
	}
	var content io.Reader = strings.NewReader("")
	if strings.EqualFold(fields["transfer-encoding"], "chunked") {
		content = chunks{httputil.NewChunkedReader(reader), reader}
	} else if length, err := strconv.ParseInt(fields["content-length"], 10, 64); err == nil {
		content = io.LimitReader(reader, length)
	}
	body, err := io.Copy(io.Discard, content)
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(head, "\r\n")
	switch path := strings.Fields(line + " - -")[1]; {
	case strings.HasPrefix(path, "/v1/large"):
		begin(connection, "application/octet-stream", 16<<20)
		for piece, n := make([]byte, 64<<10), 0; n < 16<<20 && err == nil; n += len(piece) {
			_, err = connection.Write(piece)
		}
	case strings.HasSuffix(path, "/completions"):
		answer(connection, "text/event-stream", []byte("data: [DONE]\n\n"))
	default:
		seen := map[string]any{"head": head, "body": body, "extra": reader.Buffered()}
		text, _ := json.Marshal(seen)
		answer(connection, "application/json", text)
	}
}

// chunks reads a body that comes in chunks, and the empty line behind the last of them.
type chunks struct {
	content io.Reader
	line    *bufio.Reader
}

func (body chunks) Read(piece []byte) (int, error) {
	n, err := body.content.Read(piece)
	if err == io.EOF {
		if line, _ := body.line.Peek(2); string(line) == "\r\n" {
			body.line.Discard(2)
		}
	}
	return n, err
}

// readHead gives the lines up to the empty one, and the fields by their name in lower case; of several, the last.
func readHead(reader *bufio.Reader) (string, map[string]string, error) {
	var head strings.Builder
	fields := map[string]string{}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return "", nil, err
		}
		head.WriteString(line)
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return head.String(), fields, nil
		}
		if name, value, found := strings.Cut(line, ":"); found {
			fields[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
}

func answer(connection net.Conn, kind string, body []byte) {
	begin(connection, kind, len(body))
	connection.Write(body)
}

func begin(connection net.Conn, kind string, length int) {
	fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n", kind, length)
	fmt.Fprintf(connection, "X-Version: echo\r\nServer: echo\r\nX-Powered-By: echo\r\nConnection: close\r\n\r\n")
}
