// A Vault server as far as a reader of secrets sees one: the real backend of the secrets engine KV version 2, mounted at
// "secret", behind a small front that has tokens, AppRole and the errors of Vault's HTTP API. In memory, on loopback.
//
// TOKEN may do all; "limited" may read below secret/data/app/ alone. An AppRole login is that of ROLE_ID and SECRET_ID.
// POST /lab/trouble?status=&times=&after=&delay= makes the next requests fail, or late.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/sdk/logical"
)

const mount = "secret/"

var operations = map[string]logical.Operation{
	http.MethodGet:    logical.ReadOperation,
	http.MethodPost:   logical.UpdateOperation,
	http.MethodPut:    logical.UpdateOperation,
	http.MethodDelete: logical.DeleteOperation,
}

func main() {
	storage := &logical.InmemStorage{}
	backend, err := kv.VersionedKVFactory(context.Background(), &logical.BackendConfig{
		StorageView: storage,
		System:      &logical.StaticSystemView{},
		BackendUUID: "lab",
	})
	must(err)
	must(backend.Initialize(context.Background(), &logical.InitializationRequest{Storage: storage}))
	front := &front{backend: backend, storage: storage}
	http.HandleFunc("/lab/trouble", front.order)
	http.HandleFunc("/v1/auth/approle/login", front.login)
	http.HandleFunc("/v1/"+mount, front.secrets)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr())
	must(http.Serve(listener, nil))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type front struct {
	backend logical.Backend
	storage logical.Storage
	lock    sync.Mutex
	trouble trouble
}

type trouble struct {
	times, status int
	after         string
	delay         time.Duration
}

func (f *front) order(_ http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	times, _ := strconv.Atoi(query.Get("times"))
	status, _ := strconv.Atoi(query.Get("status"))
	delay, _ := time.ParseDuration(query.Get("delay"))
	f.lock.Lock()
	defer f.lock.Unlock()
	f.trouble = trouble{times: times, status: status, after: query.Get("after"), delay: delay}
}

// troubled says whether the request has been answered with what was ordered.
func (f *front) troubled(w http.ResponseWriter) bool {
	f.lock.Lock()
	ordered := f.trouble
	f.trouble.times--
	f.lock.Unlock()
	if ordered.times <= 0 {
		return false
	}
	time.Sleep(ordered.delay)
	if ordered.status == 0 {
		return false
	}
	if ordered.after != "" {
		w.Header().Set("Retry-After", ordered.after)
	}
	refuse(w, ordered.status, "ordered")
	return true
}

func (f *front) login(w http.ResponseWriter, r *http.Request) {
	var given struct {
		RoleID   string `json:"role_id"`
		SecretID string `json:"secret_id"`
	}
	if f.troubled(w) {
		return
	}
	json.NewDecoder(r.Body).Decode(&given)
	if given.RoleID != os.Getenv("ROLE_ID") || given.SecretID != os.Getenv("SECRET_ID") {
		refuse(w, http.StatusBadRequest, "invalid role or secret ID")
		return
	}
	answer(w, http.StatusOK, map[string]any{"auth": map[string]any{"client_token": "limited"}})
}

func (f *front) secrets(w http.ResponseWriter, r *http.Request) {
	if f.troubled(w) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1/"+mount)
	switch r.Header.Get("X-Vault-Token") {
	case os.Getenv("TOKEN"):
	case "limited":
		if r.Method != http.MethodGet || !strings.HasPrefix(path, "data/app/") {
			refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
			return
		}
	default:
		refuse(w, http.StatusForbidden, "permission denied")
		return
	}
	data := map[string]any{}
	if r.ContentLength > 0 {
		json.NewDecoder(r.Body).Decode(&data)
	}
	response, err := f.backend.HandleRequest(r.Context(), &logical.Request{
		Operation: operations[r.Method], Path: path, Data: data, Storage: f.storage, MountPoint: mount,
	})
	switch {
	case err == logical.ErrUnsupportedPath:
		refuse(w, http.StatusNotFound, "no handler for route")
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
	case response == nil && r.Method == http.MethodGet:
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{}})
	case response == nil:
		w.WriteHeader(http.StatusNoContent)
	case response.IsError():
		refuse(w, http.StatusBadRequest, response.Error().Error())
	case response.Data[logical.HTTPStatusCode] != nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(response.Data[logical.HTTPStatusCode].(int))
		switch body := response.Data[logical.HTTPRawBody].(type) {
		case []byte:
			w.Write(body)
		case string:
			fmt.Fprint(w, body)
		}
	default:
		answer(w, http.StatusOK, logical.LogicalResponseToHTTPResponse(response))
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"errors": []string{message}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
