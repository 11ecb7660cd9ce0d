package maintenance_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestUserAgent_Environment(t *testing.T) {
	const variable = "ALIBABA_CLOUD_USER_AGENT"
	t.Setenv(variable, "from-environment/1")
	userAgent := func(opts ...maintenance.Option) (got string) {
		client := newClient(t, append(opts, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.UserAgent()
			return nil, io.EOF
		})}))...)
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.ErrorIs(t, err, io.EOF)
		return got
	}
	assert.Regexp(t, ` from-environment/1$`, userAgent())
	assert.Regexp(t, `ecd-maintenance-go/\S+ mine/2$`, userAgent(maintenance.WithUserAgent("mine/2")))

	t.Setenv(variable, "two\nlines")
	_, err := maintenance.NewClient(maintenance.WithStaticCredential("id", secret, ""))
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, variable, invalid.Parameter)
}

func TestOptions_LastOneCounts(t *testing.T) {
	t.Parallel()
	first, last := new(capture), new(capture)
	client := newClient(t,
		maintenance.WithHTTPClient(&http.Client{Transport: first}), maintenance.WithEndpoint("first.example.com"),
		maintenance.WithHTTPClient(&http.Client{Transport: last}), maintenance.WithEndpoint("last.example.com"))
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.NoError(t, err)
	assert.Empty(t, first.requests)
	require.Len(t, last.requests, 1)
	assert.Equal(t, "last.example.com", last.requests[0].Host)
}

func TestClient_NilOrZero(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*maintenance.Client{"nil": nil, "zero": new(maintenance.Client)} {
		for method, call := range map[string]func(context.Context) error{
			"SetMaintenance": func(ctx context.Context) error {
				_, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(1))
				return err
			},
			"Regions": func(ctx context.Context) error {
				_, err := client.Regions(ctx, region)
				return err
			},
			"SetFleetMaintenance": func(ctx context.Context) error {
				report, err := client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, func(func(string) bool) {
					assert.Fail(t, "the stream was read")
				})
				assert.Nil(t, report)
				return err
			},
		} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				var err error
				require.NotPanics(t, func() { err = call(t.Context()) })
				var invalid *maintenance.ValidationError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, "client", invalid.Parameter)
			})
		}
	}
}
