package maintenance_test

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The examples call a service in memory; maintenance.NewClient() calls Alibaba Cloud.
func exampleClient() *maintenance.Client {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func Example() {
	client := exampleClient() // or maintenance.NewClient()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	response, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-2"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepted; the request ID has", len(response.RequestId), "characters")
	// Output: accepted; the request ID has 36 characters
}

func ExampleClient_SetMaintenance_errors() {
	client := exampleClient()
	_, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-9"})

	var invalid *maintenance.ValidationError
	var refused *maintenance.APIError
	switch {
	case err == nil:
		fmt.Println("accepted")
	case errors.As(err, &invalid):
		fmt.Println("fix the parameter", invalid.Parameter)
	case errors.Is(err, maintenance.ErrOutcomeUnknown):
		fmt.Println("perhaps accepted; repeat the call")
	case errors.Is(err, maintenance.ErrThrottled):
		fmt.Println("slow down")
	case errors.As(err, &refused):
		fmt.Println("refused:", refused.Code)
	}
	// Output: refused: InvalidDesktopId.NotFound
}

func ExampleClient_Regions() {
	regions, err := exampleClient().Regions(context.Background(), "cn-hangzhou")
	if err != nil {
		log.Fatal(err)
	}
	for _, region := range regions[:2] {
		fmt.Println(region.RegionId, region.LocalName, region.Endpoint)
	}
	// Output:
	// cn-hangzhou China (Hangzhou) ecd.cn-hangzhou.aliyuncs.com
	// cn-shanghai China (Shanghai) ecd.cn-shanghai.aliyuncs.com
}

func ExampleNewClient() {
	client, err := maintenance.NewClient(
		maintenance.WithStaticCredential("access-key-id", "access-key-secret", ""),
		maintenance.WithEndpoint("ecd-vpc.cn-guangzhou.aliyuncs.com"),
		maintenance.WithUserAgent("patch-night/1.0"),
	)
	fmt.Println(client != nil, err)

	_, err = maintenance.NewClient(maintenance.WithEndpoint("http://ecd.example.com"))
	fmt.Println(err)
	// Output:
	// true <nil>
	// maintenance: endpoint uses http:// for a host that is not loopback; use https://
}

func ExampleMode() {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	var mode maintenance.Mode
	flags.TextVar(&mode, "mode", maintenance.ModeEnter, "enter or exit")
	err := flags.Parse([]string{"-mode", "exit"})
	fmt.Println(mode, err)
	// Output: EXIT <nil>
}

// Two clients share a quota of one request a minute. The second client would have to wait longer
// than its context lasts, so its call fails at once.
func ExampleWithRateLimiter() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	quota := rate.NewLimiter(rate.Every(time.Minute), 1)
	for _, product := range []string{"patch-night/1.0", "help-desk/1.0"} {
		client, err := service.NewClient(maintenance.WithRateLimiter(quota), maintenance.WithUserAgent(product))
		if err != nil {
			log.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err = client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"})
		fmt.Println(product, err == nil, errors.Is(err, context.DeadlineExceeded))
	}
	// Output:
	// patch-night/1.0 true false
	// help-desk/1.0 false true
}

// With one attempt a call, each fault fails a call. The default policy would retry, and the first
// call would use up both faults.
func ExampleWithRetry() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		log.Fatal(err)
	}
	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}) // the next request is throttled
	service.Inject(1, maintenancetest.Fault{Cut: true, Applied: true})                 // the one after it loses its reply

	for range 3 {
		_, err = client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"})
		fmt.Println(errors.Is(err, maintenance.ErrThrottled), errors.Is(err, maintenance.ErrOutcomeUnknown))
	}
	fmt.Println(service.InMaintenance("cn-hangzhou", "ecd-1"), len(service.Requests()))
	// Output:
	// true false
	// false true
	// false false
	// true 3
}

func ExampleValidate() {
	err := maintenance.Validate("cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", ""})
	var invalid *maintenance.ValidationError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Parameter, invalid.Reason)
	}
	// Output: desktopIDs[1] is empty
}

// A company's proxy intercepts TLS connections with its own certificate authority.
func ExampleNewTransport() {
	transport := maintenance.NewTransport()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
	transport.TLSClientConfig.RootCAs = x509.NewCertPool() // and AppendCertsFromPEM
	client, err := maintenance.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: transport}))
	fmt.Println(client != nil, err)
	// Output: true <nil>
}
