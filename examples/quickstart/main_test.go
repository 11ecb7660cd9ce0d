package main

import (
	"bytes"
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestWithoutArguments(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out))
	const id = `[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}`
	assert.Regexp(t, `^An embedded Elastic Desktop Service listens on https://127\.0\.0\.1:\d+ and has 3 desktops in cn-hangzhou\.

ENTER: the service accepted request `+id+`
  ecd-0001 is in maintenance
  ecd-0002 is in maintenance
  ecd-0003 is in maintenance

EXIT: the service accepted request `+id+`
  ecd-0001 is open to its user
  ecd-0002 is open to its user
  ecd-0003 is open to its user

ENTER for a desktop that does not exist:
  code        InvalidDesktopId\.NotFound
  message     The specified desktop ecd-gone does not exist\.
  HTTP status 404
  request ID  `+id+`
  in one line maintenance: SetDesktopMaintenance ENTER cn-hangzhou \(2 desktops\): InvalidDesktopId\.NotFound: .*
$`, out.String())
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.ErrorContains(t, run(t.Context(), []string{"ecd-1"}, &out), "-live")
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, &out), flag.ErrHelp)
	require.ErrorContains(t, run(t.Context(), []string{"-live", "-mode", "bogus", "ecd-1"}, &out), "neither ENTER nor EXIT")

	for args, parameter := range map[*[]string]string{
		{"-live", "-region", "evil.com/x#", "ecd-1"}: "region",
		{"-live"}: "desktopIDs",
	} {
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, run(t.Context(), *args, &out), &invalid)
		assert.Equal(t, parameter, invalid.Parameter)
	}
	assert.Empty(t, out.String())
}
