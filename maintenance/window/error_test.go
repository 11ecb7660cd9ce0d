package window_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func TestNotOutError_Text(t *testing.T) {
	t.Parallel()
	left := func(n int) (list []maintenance.DesktopError) {
		for _, id := range desktops(n) {
			list = append(list, maintenance.DesktopError{DesktopID: id, Err: maintenance.ErrAccessDenied})
		}
		return list
	}
	for _, tc := range []struct {
		err  *window.NotOutError
		text string
	}{
		{nil, "<nil>"},
		{&window.NotOutError{Name: "night", NotOut: left(1)},
			`window: "night": 1 desktop may still be in maintenance: ecd-1; they are in the journal: run Recover, or Abandon them`},
		{&window.NotOutError{Name: "night", NotOut: left(11), Err: context.DeadlineExceeded},
			`window: "night": 11 desktops may still be in maintenance: ecd-1, ecd-2, ecd-3, ecd-4, ecd-5, ecd-6, ecd-7, ecd-8, ecd-9, ecd-10 and 1 more; ` +
				`they are in the journal: run Recover, or Abandon them; context deadline exceeded`},
	} {
		assert.Equal(t, tc.text, tc.err.Error())
	}
	require.ErrorIs(t, fmt.Errorf("%w", &window.NotOutError{Err: context.Canceled}), context.Canceled)
	require.NoError(t, (*window.NotOutError)(nil).Unwrap())
}

func TestNotOutError_JSON(t *testing.T) {
	t.Parallel()
	document, err := json.Marshal(&window.NotOutError{
		Name:   "night",
		NotOut: []maintenance.DesktopError{{DesktopID: "ecd-1", Err: maintenance.ErrAccessDenied}},
		Err:    context.DeadlineExceeded,
	})
	require.NoError(t, err)
	var read struct {
		Name   string
		NotOut []struct{ DesktopID, Error string }
		Error  string
	}
	require.NoError(t, json.Unmarshal(document, &read))
	assert.Equal(t, "night", read.Name)
	assert.Equal(t, "ecd-1", read.NotOut[0].DesktopID)
	assert.Contains(t, read.NotOut[0].Error, "denied")
	assert.Contains(t, read.Error, "1 desktop may still be in maintenance: ecd-1")
}
