package main

import (
	"bytes"
	"errors"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// told returns the output with the parts replaced that differ between runs.
func told(out *bytes.Buffer) string {
	text := regexp.MustCompile(`[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}`).ReplaceAllString(out.String(), "REQUEST-ID")
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:PORT")
}

func TestQuickstart_Story(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out))
	assert.Equal(t, `An embedded Elastic Desktop Service listens on https://127.0.0.1:PORT. Its desktops in cn-hangzhou:
  ecd-0001 is open
  ecd-0002 is open
  ecd-0003 is open, and alice is connected

ENTER: accepted, request ID REQUEST-ID
  ecd-0001 is in maintenance
  ecd-0002 is in maintenance
  ecd-0003 is entering maintenance because alice is connected

alice disconnects.
  ecd-0001 is in maintenance
  ecd-0002 is in maintenance
  ecd-0003 is in maintenance

EXIT: accepted, request ID REQUEST-ID
  ecd-0001 is open
  ecd-0002 is open
  ecd-0003 is open

ENTER for a desktop that does not exist:
  code        InvalidDesktopId.NotFound
  message     The specified desktop ecd-gone does not exist.
  HTTP status 404
  request ID  REQUEST-ID
  in one line maintenance: SetDesktopMaintenance ENTER cn-hangzhou (2 desktops): InvalidDesktopId.NotFound: `+
		`The specified desktop ecd-gone does not exist. (HTTP 404, request ID REQUEST-ID)
`, told(&out))
}

func TestQuickstart_Help(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &out))
	assert.Contains(t, out.String(), "-region ID")
	assert.Contains(t, out.String(), "-mode mode")
}

func TestQuickstart_UsageErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"region without -live", []string{"-region", "cn-beijing"}, "-region has no effect without -live"},
		{"default region without -live", []string{"-region", "cn-hangzhou"}, "-region has no effect without -live"},
		{"mode without -live", []string{"-mode", "exit"}, "-mode has no effect without -live"},
		{"mode and -live=false", []string{"-live=false", "-mode=enter"}, "-mode has no effect without -live"},
		{"desktops without -live", []string{"ecd-1"}, "desktop IDs are for -live"},
		{"region and desktops without -live", []string{"-region", "cn-beijing", "ecd-1"}, "without -live"},
		{"two regions", []string{"-live", "-region", "cn-beijing", "-region", "cn-hangzhou", "ecd-1"}, "given twice"},
		{"mode twice", []string{"-live", "-mode", "exit", "-mode", "exit", "ecd-1"}, "given twice"},
		{"unknown mode", []string{"-live", "-mode", "bogus", "ecd-1"}, "neither ENTER nor EXIT"},
		{"empty mode", []string{"-live", "-mode", "", "ecd-1"}, "neither ENTER nor EXIT"},
		{"unknown flag", []string{"-bogus"}, "not defined: -bogus"},
		{"bad region", []string{"-live", "-region", "evil.com/x#", "ecd-1"}, "region"},
		{"empty region", []string{"-live", "-region", "", "ecd-1"}, "region is empty"},
		{"no desktops", []string{"-live"}, "desktopIDs is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), tc.args, &out)
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, 2, statusOf(err))
			assert.Empty(t, out.String())
		})
	}
}

func TestQuickstart_StatusOf(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 0, statusOf(nil))
	assert.Equal(t, 1, statusOf(errors.New("a call that fails")))
	assert.Equal(t, 2, statusOf(&maintenance.ValidationError{}))
}

// The run of -live, with a service in memory instead of Alibaba Cloud.
func TestQuickstart_BeforeAndAfter(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-beijing", "ecd-1", "ecd-2")
	service.Connect("cn-beijing", "ecd-2", "bob", "carol")
	client, err := service.NewClient()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, callAlibabaCloud(t.Context(), &out, client, "cn-beijing", maintenance.ModeEnter, []string{"ecd-2", "ecd-1"}))
	assert.Equal(t, `Before, in cn-beijing:
  ecd-2 is open, and bob, carol are connected
  ecd-1 is open

ENTER: accepted, request ID REQUEST-ID
  ecd-2 is entering maintenance because bob, carol are connected
  ecd-1 is in maintenance
`, told(&out))

	out.Reset()
	require.NoError(t, callAlibabaCloud(t.Context(), &out, client, "cn-beijing", maintenance.ModeExit, []string{"ecd-1"}))
	assert.Equal(t, `Before, in cn-beijing:
  ecd-1 is in maintenance

EXIT: accepted, request ID REQUEST-ID
  ecd-1 is open
`, told(&out))
}

func TestQuickstart_LiveErrors(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-beijing", "ecd-1")
	client, err := service.NewClient()
	require.NoError(t, err)
	var out bytes.Buffer
	err = callAlibabaCloud(t.Context(), &out, client, "cn-beijing", maintenance.ModeEnter, []string{"ecd-1", "ecd-gone"})
	require.ErrorContains(t, err, "ecd-gone does not exist")
	assert.Equal(t, 1, statusOf(err))
	assert.Contains(t, out.String(), "ecd-gone is not shown by the service\n")
	assert.NotContains(t, out.String(), "accepted")

	service.Deny("DescribeDesktops")
	err = callAlibabaCloud(t.Context(), &out, client, "cn-beijing", maintenance.ModeEnter, []string{"ecd-1"})
	require.ErrorIs(t, err, maintenance.ErrAccessDenied)
	require.ErrorContains(t, err, "no mode was requested")
	assert.False(t, service.InMaintenance("cn-beijing", "ecd-1"))
}
