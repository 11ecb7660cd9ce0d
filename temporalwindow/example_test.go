package temporalwindow_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// The account, the endpoint and the store of the workers are in the name of their task queue.
const queue = "ecd-maintenance/1234567890/aliyuncs.com/shared-disk"

// A worker of windows. Several of them share a task queue.
func ExampleRegister() {
	ecd, err := maintenance.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	activities, err := temporalwindow.NewActivities(ecd, temporalwindow.Dir("/var/lib/windows"))
	if err != nil {
		log.Fatal(err)
	}
	server, err := client.Dial(client.Options{HostPort: "localhost:7233"})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	w := worker.New(server, queue, worker.Options{})
	temporalwindow.Register(w, activities)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

// Any program that reaches the Temporal server starts, watches, extends and ends windows.
func ExampleStart() {
	ctx := context.Background()
	server, err := client.Dial(client.Options{HostPort: "localhost:7233"})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	run, err := temporalwindow.Start(ctx, server, queue, temporalwindow.Input{
		Name:       "night",
		Region:     "cn-hangzhou",
		DesktopIds: []string{"ecd-1", "ecd-2"},
		Grace:      15 * time.Minute,
		Disconnect: true,
		Duration:   4 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	value, err := server.QueryWorkflow(ctx, run.GetID(), "", temporalwindow.QueryStatus)
	if err != nil {
		log.Fatal(err)
	}
	var status temporalwindow.Status
	if err := value.Get(&status); err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Phase, "waits for", status.WaitingFor, "desktops")
	err = server.SignalWorkflow(ctx, run.GetID(), "", temporalwindow.SignalExtend, "30m")
	if err != nil {
		log.Fatal(err)
	}
	err = server.SignalWorkflow(ctx, run.GetID(), "", temporalwindow.SignalDone, nil)
	if err != nil {
		log.Fatal(err)
	}
	var report temporalwindow.Report
	if err := run.Get(ctx, &report); err != nil { // when the desktops are out
		log.Fatal(err)
	}
	fmt.Println(report.Out, "desktops are out")
}

// A workflow of your own does the work of a window. It runs here in the SDK's test environment, against
// the Elastic Desktop Service in memory.
func ExampleRun() {
	patchNight := func(ctx workflow.Context, ids []string) (*temporalwindow.Report, error) {
		in := temporalwindow.Input{Name: "night", Region: "cn-hangzhou", DesktopIds: ids, Grace: 15 * time.Minute}
		return temporalwindow.Run(ctx, in, func(ctx workflow.Context, ready temporalwindow.Ready) error {
			fmt.Println("patch", ready.DesktopIds)
			return workflow.Sleep(ctx, time.Hour) // your activities
		})
	}

	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	ecd, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "windows")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	activities, err := temporalwindow.NewActivities(ecd, temporalwindow.Dir(dir), temporalwindow.WithoutServer())
	if err != nil {
		log.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	temporalwindow.Register(env, activities)
	env.ExecuteWorkflow(patchNight, []string{"ecd-1", "ecd-2", "ecd-3"})

	var report temporalwindow.Report
	if err := env.GetWorkflowResult(&report); err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Ready.Count, "ready,", report.Missing.Count, "missing,", report.Out, "out")
	fmt.Println("in maintenance:", service.InMaintenance("cn-hangzhou", "ecd-1"))
	// Output:
	// patch [ecd-1 ecd-2]
	// 2 ready, 1 missing, 2 out
	// in maintenance: false
}

// quiet logs nothing.
type quiet struct{}

var _ sdklog.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
