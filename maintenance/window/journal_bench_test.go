package window

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// BenchmarkJournal writes the entry of a window over 100,000 desktops, beside one request of its fleet:
// over loopback, to a service that answers at once or after 20 ms. TMPDIR=/dev/shm shows the cost of the
// entry without a disk.
func BenchmarkJournal(b *testing.B) {
	e := &entry{Name: "night", Region: "cn-hangzhou", Endpoint: "ecd.cn-hangzhou.aliyuncs.com", Phase: entering, Since: time.Now()}
	for i := range 100_000 {
		e.desktops = append(e.desktops, fmt.Sprintf("ecd-dzeotbgawdnfo%06d", i*7919%1_000_000))
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			value, err := encode(e)
			require.NoError(b, err)
			b.SetBytes(int64(len(value)))
		}
	})
	b.Run("put", func(b *testing.B) {
		j, _, err := openJournal(filepath.Join(b.TempDir(), "windows.db"))
		require.NoError(b, err)
		defer j.close()
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, j.put(e))
		}
	})
	b.Run("put small", func(b *testing.B) {
		j, _, err := openJournal(filepath.Join(b.TempDir(), "windows.db"))
		require.NoError(b, err)
		defer j.close()
		small := *e
		small.desktops = e.desktops[:1]
		for b.Loop() {
			require.NoError(b, j.put(&small))
		}
	})
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(fmt.Sprint("request ", latency), func(b *testing.B) {
			service := maintenancetest.NewService()
			service.AddDesktops(e.Region, e.desktops[:maintenance.MaxDesktopIDs]...)
			service.Inject(0, maintenancetest.Fault{Latency: latency})
			server := httptest.NewServer(service)
			defer server.Close()
			client, err := maintenance.NewClient(maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(server.Client()),
				maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""))
			require.NoError(b, err)
			for b.Loop() {
				_, err := client.SetMaintenance(b.Context(), e.Region, maintenance.ModeEnter, e.desktops[:maintenance.MaxDesktopIDs])
				require.NoError(b, err)
			}
		})
	}
}
