package servertest

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

const (
	// workerVariable tells a process that it is a worker. Its value is a [Worker].
	workerVariable = "SERVERTEST_WORKER"

	workerProduct = "servertest-worker/" // in the User-Agent header, with the name of the worker
)

// Worker is a worker in a process of its own: the same program again.
type Worker struct {
	Name string // at the service

	HostPort, Namespace, TaskQueue string

	Endpoint       string
	Certificate    []byte // of the endpoint
	AttemptTimeout time.Duration

	Store string // directory
}

// Process is a worker that was started.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

// Start starts the worker.
func (w Worker) Start() (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(value))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil { // it ends with this process, however that ends
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// ID is the process ID.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Kill ends the worker with SIGKILL, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Stop ends the worker in good order, and returns when it is gone.
func (p *Process) Stop() {
	_ = p.stdin.Close()
	<-p.ended
}

// Main is what main begins with. In a process that [Worker.Start] has started it does not return:
// it runs the worker, with the workflows of register besides those of temporalwindow. A nil
// register has none.
func Main(register func(worker.Registry)) {
	value, ok := os.LookupEnv(workerVariable)
	if !ok {
		return
	}
	var w Worker
	err := json.Unmarshal([]byte(value), &w)
	if err == nil {
		err = w.run(register)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run runs the worker until standard input ends.
func (w Worker) run(register func(worker.Registry)) error {
	activities, err := w.activities()
	if err != nil {
		return err
	}
	temporal, err := client.Dial(client.Options{
		HostPort:  w.HostPort,
		Namespace: w.Namespace,
		Identity:  "worker", // in histories
		Logger:    log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer temporal.Close()
	polling := worker.New(temporal, w.TaskQueue, worker.Options{WorkerStopTimeout: 5 * time.Second})
	temporalwindow.Register(polling, activities)
	if register != nil {
		register(polling)
	}
	if err := polling.Start(); err != nil {
		return err
	}
	defer polling.Stop()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (w Worker) activities() (*temporalwindow.Activities, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(w.Certificate) {
		return nil, errors.New("the certificate of the endpoint cannot be read")
	}
	transport := maintenance.NewTransport()
	transport.TLSClientConfig.RootCAs = roots
	eds, err := maintenance.NewClient(
		maintenance.WithEndpoint(w.Endpoint),
		maintenance.WithHTTPClient(&http.Client{Transport: transport}),
		maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""),
		maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: w.AttemptTimeout}),
		maintenance.WithUserAgent(workerProduct+w.Name))
	if err != nil {
		return nil, err
	}
	return temporalwindow.NewActivities(eds, temporalwindow.Dir(w.Store))
}
