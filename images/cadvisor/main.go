// cAdvisor, the part of it that a stack needs: the containers of one Docker engine as Prometheus metrics. It takes the flags of
// the published image that the stack uses, so the same command runs both.
package main

import (
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/docker/install"
	_ "github.com/google/cadvisor/fs/btrfs/install"
	_ "github.com/google/cadvisor/fs/vfs/install" // ext4 and XFS
	v1 "github.com/google/cadvisor/info/v1"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/oomparser"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
)

// withKills is the manager with its own count of what the kernel has killed in each cgroup. The manager forgets its count with
// the container's process, so that a container which is killed as a whole and started again would have none. The published
// program counts as this one does.
type withKills struct {
	manager.Manager
	lock  sync.Mutex
	kills map[string]uint64 // by cgroup: a container keeps its own when it starts again
}

func (counted *withKills) count(kernel *oomparser.OomParser) {
	found := make(chan *oomparser.OomInstance, 10)
	go kernel.StreamOoms(found)
	for kill := range found {
		counted.lock.Lock()
		counted.kills[kill.ContainerName]++
		counted.lock.Unlock()
	}
}

func (counted *withKills) GetRequestedContainersInfo(name string, options v2.RequestOptions) (map[string]*v1.ContainerInfo, error) {
	containers, err := counted.Manager.GetRequestedContainersInfo(name, options)
	counted.lock.Lock()
	defer counted.lock.Unlock()
	for _, one := range containers {
		for _, sample := range one.Stats {
			sample.OOMEvents = counted.kills[one.Name]
		}
	}
	return containers, err
}

func main() {
	ip := flag.String("listen_ip", "", "address to listen on; all of them if empty")
	port := flag.String("port", "8080", "port to listen on")
	disabled := flag.String("disable_metrics", "", "kinds of metrics to leave out, with commas between them")
	labels := flag.Bool("store_container_labels", true, "give each label of a container as a label of its metrics")
	flag.Parse()

	kinds := container.AllMetrics
	for _, kind := range strings.Split(*disabled, ",") {
		if kind != "" {
			kinds = kinds.Difference(container.MetricSet{container.MetricKind(kind): {}})
		}
	}
	dynamic := true
	containers, err := manager.New(
		memory.New(2*time.Minute, nil), sysfs.NewRealSysFs(),
		manager.HousekeepingConfig{Interval: manager.HousekeepingInterval, // of the flag -housekeeping_interval
			AllowDynamic: &dynamic},
		kinds, http.DefaultClient, nil, nil, "", 0)
	if err == nil {
		err = containers.Start()
	}
	if err != nil {
		log.Fatal(err)
	}
	counted := &withKills{Manager: containers, kills: map[string]uint64{}}
	if kernel, err := oomparser.New(); err == nil {
		go counted.count(kernel)
	} else {
		log.Printf("what the kernel kills for want of memory is not counted: %v", err)
	}
	named := metrics.BaseContainerLabels(nil)
	if *labels {
		named = metrics.DefaultContainerLabels
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusCollector(counted, named, kinds, clock.RealClock{},
			v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}),
		metrics.NewPrometheusMachineCollector(containers, kinds))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	http.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) { _, _ = answer.Write([]byte("ok")) })
	server := http.Server{Addr: net.JoinHostPort(*ip, *port), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
	_ = server.Close()
	_ = containers.Stop()
}
