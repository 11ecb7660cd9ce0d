// Command quickstart asks for the maintenance of desktops, and for its end.
//
// Without arguments it asks an embedded service, over real HTTPS on the loopback interface; no
// account is needed. Nobody is connected to the desktops of that service, so each is in maintenance
// as soon as it is accepted:
//
//	go run ./examples/quickstart
//
// With -live it calls Alibaba Cloud, with the default credential chain, and prints the ID of the
// request that was accepted. A desktop is in maintenance when its users have disconnected:
//
//	go run ./examples/quickstart -live -region cn-hangzhou -mode enter ecd-1 ecd-2
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	live := flags.Bool("live", false, "call Alibaba Cloud, and not the embedded service")
	region := flags.String("region", "cn-hangzhou", "region `ID` of the desktops")
	var mode maintenance.Mode
	flags.TextVar(&mode, "mode", maintenance.ModeEnter, "`mode` to set with -live: enter or exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *live {
		return callAlibabaCloud(ctx, out, *region, mode, flags.Args())
	}
	if flags.NArg() > 0 {
		return errors.New("desktop IDs are for -live; the embedded service has its own")
	}
	return demonstrate(ctx, out, *region)
}

func callAlibabaCloud(ctx context.Context, out io.Writer, region string, mode maintenance.Mode, ids []string) error {
	client, err := maintenance.NewClient()
	if err != nil {
		return err
	}
	response, err := client.SetMaintenance(ctx, region, mode, ids)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s in %s: %s (request ID %s)\n", mode, region, strings.Join(ids, " "), response.RequestId)
	return nil
}

// demonstrate runs a maintenance on an embedded service.
func demonstrate(ctx context.Context, out io.Writer, region string) error {
	ids := []string{"ecd-0001", "ecd-0002", "ecd-0003"}
	service := maintenancetest.NewService()
	service.AddDesktops(region, ids...)
	server := httptest.NewTLSServer(service)
	defer server.Close()
	client, err := service.NewClient(maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(server.Client()))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "An embedded Elastic Desktop Service listens on %s and has %d desktops in %s.\n", server.URL, len(ids), region)

	for _, mode := range []maintenance.Mode{maintenance.ModeEnter, maintenance.ModeExit} {
		response, err := client.SetMaintenance(ctx, region, mode, ids)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s: the service accepted request %s\n", mode, response.RequestId)
		for _, id := range ids {
			state := "open to its user"
			if service.InMaintenance(region, id) {
				state = "in maintenance"
			}
			fmt.Fprintf(out, "  %s is %s\n", id, state)
		}
	}

	fmt.Fprintf(out, "\nENTER for a desktop that does not exist:\n")
	_, err = client.SetMaintenance(ctx, region, maintenance.ModeEnter, []string{ids[0], "ecd-gone"})
	var refused *maintenance.APIError
	if !errors.As(err, &refused) {
		return fmt.Errorf("the service was expected to refuse this call: %w", err)
	}
	fmt.Fprintf(out, "  code        %s\n  message     %s\n  HTTP status %d\n  request ID  %s\n",
		refused.Code, refused.Message, refused.StatusCode, refused.RequestId)
	fmt.Fprintf(out, "  in one line %v\n", err)
	return nil
}
