package maintenance_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
)

func TestFleetStream_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := newService(t, 100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report, err := client.SetFleetMaintenance(ctx, region, "enter", func(yield func(string) bool) {
			for _, id := range desktops(100) {
				yield(id)
			}
			<-ctx.Done()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 100, report.Succeeded)
		brief.Empty(t, report.Failed)
		require.EqualError(t, err, "maintenance: ENTER cn-hangzhou: 100 of 100 desktops; ended early: context deadline exceeded")
	})
}

func TestFleetStream_Panics(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1000)
	assert.PanicsWithValue(t, "the list is broken", func() {
		_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
			for i, id := range desktops(1000) {
				if i == 550 {
					panic("the list is broken")
				}
				yield(id)
			}
		})
	})
	assert.False(t, service.InMaintenance(region, "ecd-551"))
}

func TestFleetStream_Exits(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1000)
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- !returned }()
		_, _ = client.SetFleetMaintenance(context.Background(), region, "enter", func(yield func(string) bool) {
			for i, id := range desktops(1000) {
				if i == 550 {
					runtime.Goexit() // as t.FailNow does
				}
				yield(id)
			}
		})
		returned = true
	}()
	assert.True(t, <-ended)
	assert.False(t, service.InMaintenance(region, "ecd-551"))
}
