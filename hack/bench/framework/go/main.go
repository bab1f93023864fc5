// A controller that does nothing, on controller-runtime with its defaults: how fast do all objects
// reach Reconcile, and how soon does a change? See hack/bench/README.md for what is said on stdout.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/scheme"
)

const sentAnnotation = "bench.example.com/sent-ns"

// noop counts each object once, and each stamp once. The default of one worker keeps it free of locks.
type noop struct {
	client.Client
	objects, updates int
	seen             map[string]bool
	latencies        []float64
}

func (r *noop) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	arrived := time.Now()
	var sample Sample
	if err := r.Get(ctx, req.NamespacedName, &sample); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.seen[req.Name] {
		r.seen[req.Name] = true
		if len(r.seen) == r.objects { // stamps come later
			fmt.Println("drained")
		}
	}
	stamp := sample.Annotations[sentAnnotation]
	if sent, err := strconv.ParseInt(stamp, 10, 64); err == nil && !r.seen[stamp] {
		r.seen[stamp] = true
		r.latencies = append(r.latencies, float64(arrived.UnixNano()-sent)/1e6)
		if len(r.latencies) == r.updates {
			r.report()
		}
	}
	return ctrl.Result{}, nil
}

func (r *noop) report() {
	slices.Sort(r.latencies)
	at := func(q float64) float64 { return r.latencies[int(q*float64(len(r.latencies)-1))] }
	line, _ := json.Marshal(map[string]float64{"p50_ms": at(0.50), "p99_ms": at(0.99)})
	fmt.Println("latencies", string(line))
}

func run() error {
	ctrl.SetLogger(logr.Discard())
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	builder := scheme.Builder{GroupVersion: schema.GroupVersion{Group: "bench.example.com", Version: "v1"}}
	types, err := builder.Register(&Sample{}, &SampleList{}).Build()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  types,
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	r := &noop{Client: mgr.GetClient(), objects: number("OBJECTS"), updates: number("UPDATES"), seen: map[string]bool{}}
	if err := ctrl.NewControllerManagedBy(mgr).For(&Sample{}).Complete(r); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // the harness ends us by closing stdin
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	synced := manager.RunnableFunc(func(ctx context.Context) error {
		if _, err := mgr.GetCache().GetInformer(ctx, &Sample{}); err != nil {
			return err
		}
		fmt.Println("synced")
		return nil
	})
	if err := mgr.Add(synced); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return value
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
