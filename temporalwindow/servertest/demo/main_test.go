package main

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	d, err := parse(nil, &help)
	require.NoError(t, err)
	assert.Less(t, d.grace+d.work, time.Minute/2, "the whole takes less than a minute")
	_, err = parse([]string{"-help"}, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Contains(t, help.String(), "-grace")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"now"}, `unexpected argument "now"`},
		{[]string{"-desktops", "9"}, "-desktops 9 is not between 10 and 2000"},
		{[]string{"-desktops", "2001"}, "-desktops 2001 is not between 10 and 2000"},
		{[]string{"-grace", "4s"}, "-grace 4s is less than 5s"},
		{[]string{"-work", "0s"}, "-work 0s is less than 1s"},
		{[]string{"-grace", "soon"}, `invalid value "soon" for flag -grace`},
		{[]string{"-color"}, "flag provided but not defined: -color"},
	} {
		_, err := parse(tc.args, &help)
		require.ErrorContains(t, err, tc.want)
	}
}
