package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecd"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// BenchmarkSign encodes the query and signs, as each attempt does.
func BenchmarkSign(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			ids := desktops(n)
			b.ReportAllocs()
			for b.Loop() {
				request := signRequest(ids)
				if request.Sign(accessKeyID, accessKeySecret) == "" {
					b.Fatal("no signature")
				}
			}
		})
	}
}

// BenchmarkVerify parses an Authorization header and verifies it, as maintenancetest does.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			request := signRequest(desktops(n))
			header := request.Sign(accessKeyID, accessKeySecret)
			b.ReportAllocs()
			for b.Loop() {
				authorization, err := sign.ParseAuthorization(header)
				if err != nil {
					b.Fatal(err)
				}
				if err := authorization.Verify(request, accessKeySecret); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func signRequest(ids []string) *sign.Request {
	parameters := make([]sign.Pair, 0, len(ids)+2)
	for i, id := range ids {
		parameters = append(parameters, sign.Pair{Name: parameterNames[i], Value: id})
	}
	parameters = append(parameters, sign.Pair{Name: "Mode", Value: "ENTER"}, sign.Pair{Name: "RegionId", Value: region})
	return &sign.Request{
		Method: "POST",
		Query:  sign.EncodeQuery(parameters),
		Headers: []sign.Pair{
			{Name: "host", Value: publicHost},
			{Name: "X-Acs-Action", Value: "SetDesktopMaintenance"},
			{Name: "X-Acs-Content-Sha256", Value: sign.EmptyPayloadHash},
			{Name: "X-Acs-Date", Value: "2023-10-26T10:22:32Z"},
			{Name: "X-Acs-Signature-Nonce", Value: "3156853299f313e23d1673dc12e1703d"},
			{Name: "X-Acs-Version", Value: "2020-09-30"},
		},
		PayloadHash: sign.EmptyPayloadHash,
	}
}

var parameterNames = func() (names [maintenance.MaxDesktopIDs]string) {
	for i := range names {
		names[i] = "DesktopIds." + strconv.Itoa(i+1)
	}
	return names
}()

// BenchmarkValidate makes a call whose last desktop ID is empty. All other parameters are valid, so it measures the
// whole validation and the error, without the call.
func BenchmarkValidate(b *testing.B) {
	client, err := maintenance.NewClient(maintenance.WithStaticCredential(accessKeyID, accessKeySecret, ""))
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			ids := desktops(n)
			ids[n-1] = ""
			b.ReportAllocs()
			for b.Loop() {
				_, err := client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, ids)
				if refused := (*maintenance.ValidationError)(nil); !errors.As(err, &refused) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNewClient makes a client with a static credential, like a service that makes a client for each request.
func BenchmarkNewClient(b *testing.B) {
	for _, c := range []struct {
		name      string
		newClient func() error
	}{
		{"this", func() error {
			_, err := maintenance.NewClient(maintenance.WithStaticCredential(accessKeyID, accessKeySecret, ""))
			return err
		}},
		{"darabonba", func() error {
			_, err := openapi.NewClient(&openapiutil.Config{
				AccessKeyId:     dara.String(accessKeyID),
				AccessKeySecret: dara.String(accessKeySecret),
				Endpoint:        dara.String(publicHost),
			})
			return err
		}},
		{"alibaba-cloud-sdk-go", func() error {
			_, err := ecd.NewClientWithAccessKey(region, accessKeyID, accessKeySecret)
			return err
		}},
	} {
		b.Run("client="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.newClient(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
