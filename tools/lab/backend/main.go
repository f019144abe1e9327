// An HTTP server that can be told to misbehave. It stands for any image that a user may release, so it knows nothing
// of what releases it; its environment says how it is to behave:
//
//	VERSION     text that every answer carries, followed by what BUILD says (the image sets it)
//	EXIT_AFTER  time after which it ends with exit code 7, as "0s" or "2s"
//	READY       "never", or "flap" for every other time; /readyz answers 200 otherwise
//	CHAT        how long an answer of /v1/chat takes, as "60s"
//	FAIL        share of requests to /v1/ answered with 500, as "0.2"; /v1/chat is spared
//	FAIL_AFTER  number of requests to /v1/chat, as "1", after which each one to /v1/ is answered with 500
//	MIGRATE     "fail" or "hang", what the command `/backend migrate` does; it succeeds otherwise
//	IDLE        time after which it closes an idle connection
//	CLOSE       number of requests after which it closes a connection; "50 said" if the last answer says so
//	PORT        port that it listens on, instead of 8000
//	READY_PATH  path of readiness, instead of /readyz
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var version = os.Getenv("VERSION") + os.Getenv("BUILD")

// migrate stands for what has to be done once before a release.
func migrate() {
	fmt.Println("migrating to version " + version)
	switch os.Getenv("MIGRATE") {
	case "fail":
		fmt.Println("there is no such table")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "migrate" {
		migrate()
		return
	}
	if after, err := time.ParseDuration(os.Getenv("EXIT_AFTER")); err == nil {
		time.AfterFunc(after, func() {
			fmt.Println("fatal: told to exit")
			os.Exit(7)
		})
		if after == 0 {
			time.Sleep(time.Hour)
		}
	}
	idle, _ := time.ParseDuration(os.Getenv("IDLE"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+cmp.Or(os.Getenv("READY_PATH"), "/readyz"), ready)
	mux.Handle("/v1/echo", failing(echo))
	mux.Handle("GET /v1/hello", failing(hello))
	mux.Handle("GET /v1/stream", failing(stream))
	mux.HandleFunc("POST /v1/chat", counting(chat))
	mux.HandleFunc("GET /v1/eat", eat)
	mux.HandleFunc("/v1/seen", seen)
	mux.HandleFunc("POST /v1/raw", raw)
	mux.HandleFunc("/v1/moved", moved)
	mux.HandleFunc("POST /v1/refused", refused)
	mux.HandleFunc("GET /v1/secret", secret)
	server := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "8000"), Handler: unclean(mux), IdleTimeout: idle}
	closing(server)

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stop.Done()
		server.Shutdown(context.Background())
	}()
	fmt.Println("version", version, "is listening")
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println("fatal:", err)
		os.Exit(1)
	}
	time.Sleep(50 * time.Millisecond)
}

type key struct{}

// known lets a request know its connection.
func known(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, c) }

var requests sync.Map // the number of requests of each connection

// closing does what CLOSE says: without a word it closes a connection as soon as its last answer is out.
func closing(server *http.Server) {
	number, said, _ := strings.Cut(os.Getenv("CLOSE"), " ")
	last, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return
	}
	server.ConnContext = known
	server.ConnState = func(c net.Conn, state http.ConnState) {
		count, _ := requests.LoadOrStore(c, new(atomic.Int64))
		switch state {
		case http.StateActive:
			count.(*atomic.Int64).Add(1)
		case http.StateIdle:
			if count.(*atomic.Int64).Load() >= last {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			requests.Delete(c)
		}
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count, _ := requests.Load(r.Context().Value(key{}))
		if said != "" && count.(*atomic.Int64).Load() >= last {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

var asked atomic.Int64

func ready(w http.ResponseWriter, _ *http.Request) {
	bad := os.Getenv("READY") == "never" || os.Getenv("READY") == "flap" && asked.Add(1)%2 == 0
	if bad {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, version)
}

func failing(next http.HandlerFunc) http.Handler {
	share, _ := strconv.ParseFloat(os.Getenv("FAIL"), 64)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", version)
		if rand.Float64() < share || broken.Load() {
			http.Error(w, "told to fail", http.StatusInternalServerError)
			return
		}
		next(w, r)
	})
}

var broken atomic.Bool

// counting is for the requests that FAIL_AFTER counts.
func counting(next http.HandlerFunc) http.HandlerFunc {
	last, err := strconv.ParseInt(os.Getenv("FAIL_AFTER"), 10, 64)
	var asked atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			http.Error(w, "told to fail", http.StatusInternalServerError)
			return
		}
		broken.Store(err == nil && asked.Add(1) >= last)
		next(w, r)
	}
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, version) }

// echo answers with the number of bytes of the body, all of which it has read.
func echo(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return
	}
	fmt.Fprintln(w, version, n)
}

// chat is silent for as long as it was told to, and then ends as a stream does.
func chat(w http.ResponseWriter, r *http.Request) {
	silence, _ := time.ParseDuration(os.Getenv("CHAT"))
	select {
	case <-time.After(silence):
		stream(w, r)
	case <-r.Context().Done():
	}
}

// stream sends an event every 100 ms for ?seconds=, after ?first= of silence, and ends as a language model's answer does.
func stream(w http.ResponseWriter, r *http.Request) {
	seconds, _ := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
	first, _ := time.ParseDuration(r.URL.Query().Get("first"))
	time.Sleep(first)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Version", version)
	flush := http.NewResponseController(w)
	for i := range int(seconds*10) + 1 {
		if _, err := fmt.Fprintf(w, "data: %s %d\n\n", version, i); err != nil {
			return
		}
		flush.Flush()
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// unclean gives seen all paths below its own, which a ServeMux would redirect where they have slashes too many.
func unclean(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/seen/") {
			seen(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// seen answers with the request as it has come: its line, its host, its headers.
func seen(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "uri": r.RequestURI, "host": r.Host, "headers": r.Header,
	})
}

// raw answers with the bytes of the request's body, a head or not, and closes the connection.
func raw(w http.ResponseWriter, r *http.Request) {
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	// The end of the connection must come with the answer: nginx would keep the connection for a moment, and lose the next POST on it.
	if socket, err := connection.(*net.TCPConn).SyscallConn(); err == nil {
		socket.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, 1) })
	}
	connection.Write(answer)
	connection.Close()
}

// secret answers with the secret ?name=, of its file or of the environment.
func secret(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	value := []byte(os.Getenv(name))
	if file := os.Getenv(name + "_FILE"); file != "" {
		var err error
		if value, err = os.ReadFile(file); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("X-Version", version)
	w.Write(value)
}

// moved answers with a redirect to ?to=, word for word.
func moved(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", r.URL.Query().Get("to"))
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// refused answers 401 before it has read anything of the body, as an API does that looks at a header first.
func refused(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	fmt.Fprint(connection, "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 8\r\n\r\nrefused\n")
	io.Copy(io.Discard, connection)
}

// eat takes memory until it is killed for it.
func eat(http.ResponseWriter, *http.Request) {
	var all [][]byte
	for {
		piece := make([]byte, 16<<20)
		for i := range piece {
			piece[i] = 1
		}
		all = append(all, piece)
	}
}
